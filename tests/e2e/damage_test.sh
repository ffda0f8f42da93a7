#!/usr/bin/env bash
# A damaged segment as a user meets it: every command answers from the rest, says first what it lacks, and ends with 3.
exec python3 "$BTR_SOURCE_DIR/tests/e2e/damage_test.py"
