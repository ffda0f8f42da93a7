#!/usr/bin/env bash
# The late alert's backward closure: whole process, and the walk alone, beside SQLite doing the same closure over the same edges in
# the same run. Both must find the same nodes. BTR_BENCH_DATA as in ingest.sh.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
data=${BTR_BENCH_DATA:-$here/../../datasets/web_cmdi}
work=${BTR_BENCH_WORK:-$here/../../build/bench}
store=$work/trace.store
mkdir -p "$work"
rm -rf "$store"
alert=$(jq -r '[.alerts[] | select(.stage == "late")][0] | "record:\(.host)/\(.serial)"' "$data/truth.json")

"$BACKTRAIL" ingest --store "$store" --hosts "$data/hosts.json" "$data"/*.audit.log.zst >&2
trace() { "$BACKTRAIL" trace --strategy backtracker --store "$store" --from "$alert" --output json; }
walks=$(for _ in 1 2 3 4 5; do trace | jq -c .stats; done | jq -s 'sort_by(.wall_ms) | .[2]')
whole=$("$here/measure.py" --runs 5 "$BACKTRAIL" trace --strategy backtracker --store "$store" --from "$alert" --output text 2>/dev/null)
trace >"$work/trace.json"
"$(dirname "$BACKTRAIL")/bench_dump_edges" "$store" >"$work/edges.tsv"
rc=0
sql=$("$here/closure.py" "$work/edges.tsv" "$work/edges.sqlite" "$work/trace.json") || rc=$?
jq -n --arg alert "$alert" --argjson walk "$walks" --argjson text "$whole" --argjson sqlite "$sql" '$ARGS.named'
exit "$rc"
