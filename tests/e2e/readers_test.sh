#!/usr/bin/env bash
# Readers beside an ingester and a merge that are killed, or meet a disk that fails: the answer of some snapshot, or a clear line.
set -euo pipefail
[ -n "${BTR_FAULT_SHIM:-}" ] || { echo "skip: built with ThreadSanitizer, whose runtime has to come first"; exit 77; }
exec python3 "$BTR_SOURCE_DIR/tests/e2e/readers_test.py"
