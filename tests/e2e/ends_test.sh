#!/usr/bin/env bash
# Which reads came to the end of a file, against the raw records; the recordings that are not shipped where they are at hand.
set -euo pipefail
shared=${BTR_SHARED_DIR:-$BTR_SOURCE_DIR/../shared}
exec python3 "$BTR_SOURCE_DIR/tests/e2e/ends_test.py" "$BACKTRAIL" "$BTR_SOURCE_DIR/datasets/web_cmdi" \
    "$shared/datasets/lab/ssh_lateral" "$shared/datasets/lab/container_escape"
