#!/usr/bin/env bash
# Whatever call fails, at whatever moment: no crash, one clear line, a sound store, and the same command again ends as if nothing had been.
set -euo pipefail
[ -n "${BTR_FAULT_SHIM:-}" ] || { echo "skip: built with ThreadSanitizer, whose runtime has to come first"; exit 77; }
exec python3 "$BTR_SOURCE_DIR/tests/e2e/faults_test.py"
