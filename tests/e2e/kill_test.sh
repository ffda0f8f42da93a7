#!/usr/bin/env bash
# kill -9 at any moment leaves a store that opens, and the same command again ends with the same events exactly once.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/kill_test.py"
