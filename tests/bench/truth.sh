#!/usr/bin/env bash
# What each strategy shows of recorded intrusions, against their truth: recall, ways in, size, precision, time (docs/EVALUATION.md).
# usage: truth.sh [--forward] [STRATEGY[:ENTRIES]...]   BTR_SHARED_DIR has the recordings (datasets/lab) and what scores an answer (tools/score.py).
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
here=$(dirname "$(readlink -f "$0")")
shared=${BTR_SHARED_DIR:-$here/../../../shared}
work=${BTR_BENCH_WORK:-$here/../../build/bench}/truth
for needed in "$shared/datasets/lab" "$shared/tools/score.py"; do
    [ -e "$needed" ] || { echo "truth: left out, $needed is not there" >&2; exit 0; }
done
rm -rf "$work"
mkdir -p "$work"
for data in "$shared"/datasets/lab/*/; do
    timeout 600 "$BACKTRAIL" ingest --store "$work/$(basename "$data").btr" --hosts "$data/hosts.json" "$data"/*.audit.log.zst >&2
done
program=truth.py
if [ "${1:-}" = --forward ]; then
    program=truth_forward.py
    shift
fi
exec python3 "$here/$program" "$BACKTRAIL" "$shared" "$work" "$@"
