#!/usr/bin/env bash
# What lies between two entities of the shipped recording, against both closures and its truth.
exec python3 "$BTR_SOURCE_DIR/tests/e2e/between_test.py"
