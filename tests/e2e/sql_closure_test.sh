# The late alert's closure of the shipped recording, by our walk and by SQLite over the same edges: the same nodes.
set -euo pipefail
data=$BTR_SOURCE_DIR/datasets/web_cmdi
alert=$(jq -r '[.alerts[] | select(.stage == "late")][0] | "record:\(.host)/\(.serial)"' "$data/truth.json")

"$BACKTRAIL" ingest --quiet --store closure.store --hosts "$data/hosts.json" "$data"/*.audit.log.zst
"$BACKTRAIL" trace --strategy backtracker --store closure.store --from "$alert" --output json >trace.json
"$BTR_DUMP_EDGES" closure.store >edges.tsv
"$BTR_SOURCE_DIR/tests/bench/closure.py" edges.tsv edges.sqlite trace.json

# The truth: every critical event on the way back is cited, and the way in.
"$BACKTRAIL" trace --strategy backtracker --store closure.store --from "$alert" --evidence all --output json |
    jq -e --slurpfile truth "$data/truth.json" '
        [.edges[].evidence[] | "\(.host)/\(.id)"] as $cited | ($cited | unique | map({(.): true}) | add) as $have |
        $truth[0] as $t | ([$t.alerts[] | select(.stage == "late")][0].serial) as $last |
        [$t.critical_events[] | select(.direction == "back" and .serial <= $last)] | group_by(.id) |
        map({id: .[0].id, cited: any(.[]; $have["\(.host)/\(.serial)"])}) |
        {critical: length, missed: map(select(.cited | not).id), entry: ($have["\($t.entry.host)/\($t.entry.serial)"] == true)} |
        ., (if .missed == [] and .entry then empty else error("not complete") end)'
