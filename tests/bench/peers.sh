#!/usr/bin/env bash
# The same decoded events in ours, SQLite, DuckDB and ClickHouse: bytes an event, load, the backward closure and memory (peers/README.md).
# Packages go to build/peers-venv; an engine whose package cannot be installed is left out. BTR_BENCH_DATA as in ingest.sh; BTR_BENCH_STORE
# and BTR_BENCH_ALERT (a SPEC) take the events of a store that is there already; BTR_BENCH_PEERS names the engines.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
here=$(dirname "$(readlink -f "$0")")
data=${BTR_BENCH_DATA:-$here/../../datasets/web_cmdi}
work=${BTR_BENCH_WORK:-$here/../../build/bench}/peers
venv=$here/../../build/peers-venv
tools=$(dirname "$BACKTRAIL")
store=${BTR_BENCH_STORE:-$work/ingested}
alert=${BTR_BENCH_ALERT:-$(jq -r '[.alerts[] | select(.stage == "late")][0] | "record:\(.host)/\(.serial)"' "$data/truth.json")}
rm -rf "$work"
mkdir -p "$work"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q duckdb==2.0.1 chdb==4.4.0 pyarrow==26.0.1 numpy==2.4.6 >&2 || true
"$venv/bin/python" -c 'import numpy, pyarrow' || { echo "peers: numpy and pyarrow could not be installed" >&2; exit 1; }
[ -n "${BTR_BENCH_STORE:-}" ] || "$BACKTRAIL" ingest --store "$store" --hosts "$data/hosts.json" "$data"/*.audit.log.zst >&2
"$tools/bench_dump_events" "$store" "$work/dump"
"$venv/bin/python" "$here/peers/compare.py" "$work/dump" "$work/engines" "$tools" \
    "${BTR_BENCH_PEERS:-SQLite,DuckDB,ClickHouse,ClickHouse-zstd9}" "$alert"
