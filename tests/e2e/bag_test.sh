#!/usr/bin/env bash
# Segments go through a bag as they are; a hostile bag changes nothing.
set -euo pipefail
exec python3 "$BTR_SOURCE_DIR/tests/e2e/bag_test.py"
