#!/usr/bin/env bash
# usage: kafka_flood.sh [PERCENT]   What a broker holds and senders send, against memory and the events of others (kafka/flood.py):
# 5 M records that wait; 1 M messages that are no records, 200 values of 10 MiB, 1 M hosts of one record. PERCENT: of these counts (100).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
tools=$(dirname "$BACKTRAIL")
work=${BTR_BENCH_WORK:-$here/../../build/bench}/kafka_flood
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here/../kafka BTR_KAFKA_TOOL=$tools/kafka_tool BTR_BENCH_TOOLS=$tools
"$here/../kafka/fetch.sh" 4.3.1
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
python3 "$here/kafka/flood.py" "$work" "${1:-100}" "$here/../../datasets/web_cmdi/bkp01.audit.log.zst"
