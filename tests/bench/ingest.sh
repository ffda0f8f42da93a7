#!/usr/bin/env bash
# Ingest of raw audit text: events a second of wall time, peak memory, bytes an event on disk. Whole process, from .zst text to
# sealed store. BTR_BENCH_DATA=FOLDER takes another recording (*.audit.log.zst, hosts.json, truth.json).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
data=${BTR_BENCH_DATA:-$here/../../datasets/web_cmdi}
work=${BTR_BENCH_WORK:-$here/../../build/bench}
store=$work/ingest.store
mkdir -p "$work"

runs=()
for _ in 1 2 3 4 5; do
    rm -rf "$store"
    runs+=("$("$here/measure.py" "$BACKTRAIL" ingest --store "$store" --hosts "$data/hosts.json" "$data"/*.audit.log.zst)")
done
again=$("$here/measure.py" "$BACKTRAIL" ingest --store "$store" --hosts "$data/hosts.json" "$data"/*.audit.log.zst)
bytes=$(du -sb "$store" | cut -f1)
events=$(jq .events "$data/truth.json")
printf '%s\n' "${runs[@]}" | jq -s --argjson events "$events" --argjson bytes "$bytes" --argjson again "$again" '
    sort_by(.wall_s) | .[length / 2 | floor] as $m | {
        audit_events: $events, wall_s: $m.wall_s, least_s: .[0].wall_s, most_s: .[-1].wall_s, cpu_s: $m.cpu_s,
        events_per_s: ($events / $m.wall_s | floor), peak_mib: (map(.peak_mib) | max),
        store_bytes: $bytes, bytes_per_audit_event: ($bytes / $events * 100 | round / 100), same_again_s: $again.wall_s}'
