#!/usr/bin/env bash
# What an intrusion took, on the shipped recording, against its truth.
exec python3 "$BTR_SOURCE_DIR/tests/e2e/loss_test.py" "$BACKTRAIL" "$BTR_SOURCE_DIR/datasets/web_cmdi"
