#!/usr/bin/env bash
# usage: kafka.sh [RECORDS]   Ingest of a topic beside a bare consumer of it, in turns, on a real broker on the same cores (kafka/throughput.py).
# RECORDS: of each topic (1,000,000). Recordings beside the shipped one, and Sysmon records, are those of BTR_SHARED_DIR, where there are some.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
tools=$(dirname "$BACKTRAIL")
shared=${BTR_SHARED_DIR:-$here/../../../shared}/datasets
work=${BTR_BENCH_WORK:-$here/../../build/bench}/kafka
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here/../kafka BTR_KAFKA_TOOL=$tools/kafka_tool BTR_KAFKA_CONSUME=$tools/bench_kafka_consume
"$here/../kafka/fetch.sh" 4.3.1
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
recordings=("$here/../../datasets/web_cmdi")
for folder in "$shared"/lab/{ssh_lateral,container_escape,shellshock_twostage}; do
    [ ! -d "$folder" ] || recordings+=("$folder")
done
[ ! -d "$shared/otrf_bulk" ] || "$here/kafka/sysmon.py" "${1:-1000000}" "$shared"/otrf_bulk/*.jsonl.zst >"$work/sysmon"
python3 "$here/kafka/throughput.py" "$work" "${1:-1000000}" "${recordings[@]}"
