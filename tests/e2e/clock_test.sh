#!/usr/bin/env bash
# Recordings with the clocks of some hosts set wrong answer as they were recorded. BTR_LONG=1: more of them, and of recordings in BTR_SHARED_DIR.
command -v zstd >/dev/null || { echo "skip: zstd is not installed"; exit 77; }
exec python3 "$BTR_SOURCE_DIR/tests/e2e/clock_test.py"
