#!/usr/bin/env bash
# What the loss ledger says of recorded intrusions, against their truth: verdicts, bounds, the extent, holes; and what it takes (docs/LOSS.md, "Figures").
# usage: loss.sh   BTR_SHARED_DIR has the recordings (datasets/lab); without them the shipped one alone is measured.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
here=$(dirname "$(readlink -f "$0")")
lab=${BTR_SHARED_DIR:-$here/../../../shared}/datasets/lab
work=${BTR_BENCH_WORK:-$here/../../build/bench}/loss
[ -d "$lab" ] || lab=$here/../../datasets
rm -rf "$work"
mkdir -p "$work"
exec python3 "$here/loss.py" "$BACKTRAIL" "$lab" "$work"
