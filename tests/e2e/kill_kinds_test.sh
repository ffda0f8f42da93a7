#!/usr/bin/env bash
# kill -9 of every kind of writer: the store is that of before or that of after, and the same command again ends it.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/kill_kinds_test.py"
