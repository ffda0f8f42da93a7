#!/usr/bin/env bash
# What has left at least, against a recording's truth; where the recordings that are not shipped are at hand.
set -euo pipefail
data=${BTR_SHARED_DIR:-$BTR_SOURCE_DIR/../shared}/datasets/lab/shellshock_twostage
[ -d "$data" ] || { echo "skipped: no recording shellshock_twostage at $data"; exit 0; }
exec python3 "$BTR_SOURCE_DIR/tests/e2e/loss_least_test.py" "$BACKTRAIL" "$data"
