#!/usr/bin/env bash
# A log that is read as it grew gives what it gives when it is read at once.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/grown_test.py"
