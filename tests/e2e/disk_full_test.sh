#!/usr/bin/env bash
# A disk that fills up: ingest stops, says what has no room, and goes on when there is some; queries go on all the while.
set -euo pipefail
[ -n "${BTR_FAULT_SHIM:-}" ] || { echo "skip: built with ThreadSanitizer, whose runtime has to come first"; exit 77; }
exec python3 "$BTR_SOURCE_DIR/tests/e2e/disk_full_test.py"
