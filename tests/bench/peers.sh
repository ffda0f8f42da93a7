#!/usr/bin/env bash
# The backward closure over the same edges in SQLite (closure.py), DuckDB and ClickHouse (peers.py), which must find our nodes.
# Peers are warm, the best of three, and hold edges alone; our_ms is one whole query of a fresh process, its answer included,
# and our bytes are those of a whole store, all in. Packages go to build/peers-venv; without them DuckDB and ClickHouse are left out.
# BTR_BENCH_DATA as in ingest.sh; BTR_BENCH_STORE and BTR_BENCH_ALERT (a SPEC) take a store that is there already.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
data=${BTR_BENCH_DATA:-$here/../../datasets/web_cmdi}
work=${BTR_BENCH_WORK:-$here/../../build/bench}
venv=$here/../../build/peers-venv
store=${BTR_BENCH_STORE:-$work/peers.store}
alert=${BTR_BENCH_ALERT:-$(jq -r '[.alerts[] | select(.stage == "late")][0] | "record:\(.host)/\(.serial)"' "$data/truth.json")}
mkdir -p "$work"
if [ -z "${BTR_BENCH_STORE:-}" ]; then
    rm -rf "$store"
    "$BACKTRAIL" ingest --store "$store" --hosts "$data/hosts.json" "$data"/*.audit.log.zst >&2
fi
"$BACKTRAIL" trace --store "$store" --from "$alert" --output json >"$work/peers.json"
"$(dirname "$BACKTRAIL")/bench_dump_edges" "$store" >"$work/peers.tsv"
jq -nc --arg alert "$alert" --argjson bytes "$(du -sb "$store" | cut -f1)" --argjson edges "$(wc -l <"$work/peers.tsv")" \
    '{peer: "backtrail", alert: $alert, store_bytes: $bytes, bytes_per_edge: ($bytes / $edges * 100 | round / 100)}'
rc=0
"$here/closure.py" "$work/peers.tsv" "$work/peers.sqlite" "$work/peers.json" || rc=1
jq -nc --argjson bytes "$(stat -c %s "$work/peers.sqlite")" '{peer: "SQLite", database_bytes: $bytes}'
if [ -x "$venv/bin/python" ] || python3 -m venv "$venv"; then
    "$venv/bin/pip" install -q duckdb==2.0.1 chdb==4.4.0 pyarrow==26.0.1 numpy==2.4.6 >&2 || true
fi
if "$venv/bin/python" -c 'import numpy, pyarrow' 2>/dev/null; then
    "$venv/bin/python" "$here/peers.py" "$work/peers.tsv" "$work/peers" "$work/peers.json" || rc=1
else
    echo "peers: DuckDB and ClickHouse are left out: their packages could not be installed" >&2
fi
[ "$rc" -eq 0 ] || echo "peers: THE CLOSURES DIFFER, or a peer failed" >&2
exit "$rc"
