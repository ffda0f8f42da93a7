#!/usr/bin/env bash
# Records are left out of the shipped recording: the answer says what stands on the holes, and the whole one says nothing.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/holes_test.py" "$BACKTRAIL" "$BTR_SOURCE_DIR"
