#!/usr/bin/env bash
# Thinning: fewer events, the same closures, plainly told; nothing where it must not; whole or not at all when it is killed.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/thin_test.py"
