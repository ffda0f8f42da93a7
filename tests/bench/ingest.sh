#!/usr/bin/env bash
# Ingest of raw audit text: events a second of wall time, peak memory, bytes an event on disk. Whole process, from .zst text to
# sealed store. BTR_BENCH_DATA=FOLDER takes another recording (*.audit.log.zst, hosts.json, truth.json).
# Beside it in the same run, both doing less: `zstd -dc | grep -c`, which only unpacks and counts lines (the floor), and sqlite3
# taking in our decoded edges, with the two indexes that a walk needs, no journal, no sync. And the same ingest with --keep-records.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
data=${BTR_BENCH_DATA:-$here/../../datasets/web_cmdi}
work=${BTR_BENCH_WORK:-$here/../../build/bench}
store=$work/ingest.store
mkdir -p "$work"

runs=() kept=()
for _ in 1 2 3 4 5; do
    rm -rf "$store.kept"
    kept+=("$("$here/measure.py" "$BACKTRAIL" ingest --keep-records --store "$store.kept" --hosts "$data/hosts.json" "$data"/*.audit.log.zst)")
    rm -rf "$store"
    runs+=("$("$here/measure.py" "$BACKTRAIL" ingest --store "$store" --hosts "$data/hosts.json" "$data"/*.audit.log.zst)")
done
again=$("$here/measure.py" "$BACKTRAIL" ingest --store "$store" --hosts "$data/hosts.json" "$data"/*.audit.log.zst)
bytes=$(du -sb "$store" | cut -f1)
kept_bytes=$(du -sb "$store.kept/records" | cut -f1)
events=$(jq .events "$data/truth.json")

# shellcheck disable=SC2016
floor=$("$here/measure.py" --runs 3 bash -c 'zstd -dcq "$@" | grep -c ^type=SYSCALL' floor "$data"/*.audit.log.zst)
"$(dirname "$BACKTRAIL")/bench_dump_edges" "$store" | sed -n 's/^e\t//p' >"$work/ingest.tsv"
rm -f "$work/ingest.sqlite"
cat >"$work/ingest.sql" <<'SQL'
PRAGMA journal_mode = off;
PRAGMA synchronous = off;
CREATE TABLE edge (src TEXT, dst TEXT, first INTEGER, last INTEGER, source INTEGER);
.mode tabs
SQL
printf '.import "%s" edge\nCREATE INDEX edge_dst ON edge (dst, first);\nCREATE INDEX edge_src ON edge (src, last);\n' \
    "$work/ingest.tsv" >>"$work/ingest.sql"
sqlite=$("$here/measure.py" sqlite3 "$work/ingest.sqlite" ".read $work/ingest.sql")
sqlite_bytes=$(stat -c %s "$work/ingest.sqlite")

kept=$(printf '%s\n' "${kept[@]}" | jq -s 'sort_by(.wall_s) | {wall_s: .[length / 2 | floor].wall_s, cpu_s: .[length / 2 | floor].cpu_s,
    peak_mib: (map(.peak_mib) | max)}')
printf '%s\n' "${runs[@]}" | jq -s --argjson kept "$kept" --argjson kept_bytes "$kept_bytes" --argjson events "$events" --argjson bytes "$bytes" --argjson again "$again" \
    --argjson floor "$floor" --argjson sqlite "$sqlite" --argjson sqlite_bytes "$sqlite_bytes" '
    sort_by(.wall_s) | .[length / 2 | floor] as $m | {
        audit_events: $events, wall_s: $m.wall_s, least_s: .[0].wall_s, most_s: .[-1].wall_s, cpu_s: $m.cpu_s,
        events_per_s: ($events / $m.wall_s | floor), peak_mib: (map(.peak_mib) | max),
        store_bytes: $bytes, bytes_per_audit_event: ($bytes / $events * 100 | round / 100), same_again_s: $again.wall_s,
        keeping_records: ($kept + {events_per_s: ($events / $kept.wall_s | floor),
                                   bytes_per_audit_event: ($kept_bytes / $events * 100 | round / 100)}),
        floor_zstd_grep: {wall_s: $floor.wall_s, times: ($m.wall_s / $floor.wall_s * 100 | round / 100)},
        sqlite_edges_only: {wall_s: $sqlite.wall_s, bytes: $sqlite_bytes, times_our_time: ($sqlite.wall_s / $m.wall_s * 100 | round / 100),
                            times_our_bytes: ($sqlite_bytes / $bytes * 100 | round / 100)}}'
