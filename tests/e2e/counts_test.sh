#!/usr/bin/env bash
# Counts by operation against a plain count of the raw records; the recordings that are not shipped where they are at hand.
set -euo pipefail
shared=${BTR_SHARED_DIR:-$BTR_SOURCE_DIR/../shared}
exec python3 "$BTR_SOURCE_DIR/tests/e2e/counts_test.py" "$BACKTRAIL" "$BTR_SOURCE_DIR/datasets/web_cmdi" \
    "$shared/datasets/lab/container_escape" "$shared/datasets/lab/shellshock_twostage"
