#!/usr/bin/env bash
# usage: kafka_visible.sh [SECONDS]   From the moment at which a record is due at its producer until a query of the store answers with it:
# 500 hosts, 40 audit events a second each, on a real broker on the same cores (kafka/visible.py). SECONDS of sending (60).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
work=${BTR_BENCH_WORK:-$here/../../build/bench}/kafka_visible
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here/../kafka BTR_KAFKA_TOOL=$(dirname "$BACKTRAIL")/kafka_tool
"$here/../kafka/fetch.sh" 4.3.1
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
python3 "$here/kafka/visible.py" "$work" "$here/../../datasets/web_cmdi/bkp01.audit.log.zst" "${1:-60}"
