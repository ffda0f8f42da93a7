#!/usr/bin/env bash
# Kept records are the very lines of the source, for every event, and survive kills, merges and damage.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/records_test.py"
