#!/usr/bin/env bash
# Merging, killed or not, changes no answer; nor does a second store that tells the same.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/merge_test.py"
