#!/usr/bin/env bash
# A query has one snapshot from start to end, and a dead or endless one takes no room for ever.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/snapshot_test.py"
