#!/usr/bin/env bash
# A catalog of version 1 is read as it is, and upgraded by a writer.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/upgrade_test.py"
