#!/usr/bin/env bash
# Pruning takes whole segments, and no more; a hold keeps what it touches.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/prune_test.py"
