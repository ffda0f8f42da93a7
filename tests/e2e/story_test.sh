#!/usr/bin/env bash
# The text of a trace on the shipped recording: the story in one screen, its SPECs, the views.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/story_test.py" "$BACKTRAIL" "$BTR_SOURCE_DIR/datasets/web_cmdi"
