#!/usr/bin/env bash
# What is left of the late alerts' answers when records are missing, or a clock is wrong (docs/EVALUATION.md).
# usage: imperfect.sh   BTR_SHARED_DIR has the recordings (datasets/lab) and what scores an answer (tools/score.py).
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
here=$(dirname "$(readlink -f "$0")")
shared=${BTR_SHARED_DIR:-$here/../../../shared}
work=${BTR_BENCH_WORK:-$here/../../build/bench}/imperfect
for needed in "$shared/datasets/lab" "$shared/tools/score.py"; do
    [ -e "$needed" ] || { echo "imperfect: left out, $needed is not there" >&2; exit 0; }
done
rm -rf "$work"
mkdir -p "$work"
exec python3 "$here/imperfect.py" "$BACKTRAIL" "$shared" "$work"
