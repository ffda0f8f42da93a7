#!/usr/bin/env bash
# usage: explosion.sh [SITES...]   What a dependency explosion costs (tests/bench/fleet/README.md), as it grows with its sites: the closure, and
# the strategies critical and depimpact beside each other, whole processes one after the other (docs/EVALUATION.md, "Growth").
# BTR_SHARED_DIR has more recordings than the shipped one; BTR_BENCH_WORK is where the stores go, and stay.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
work=${BTR_BENCH_WORK:-$here/../../build/bench}/explosion
tools=$(dirname "$BACKTRAIL")
lab=${BTR_SHARED_DIR:-$here/../../../shared}/datasets/lab
sites=("$@")
[ $# -gt 0 ] || sites=(1 2 4 9 18)
for n in "${sites[@]}"; do
    [[ $n =~ ^[1-9][0-9]*$ ]] || { echo "explosion.sh: SITES is a number" >&2; exit 2; }
done
mkdir -p "$work"
. "$here/fleet/recordings.sh"

# Those that have a web01.
joined=()
for one in "${recordings[@]}"; do
    [[ $one == *container_escape* ]] || joined+=("$one")
done
alert=$(jq -r '[.alerts[] | select(.stage == "late")][0] | "record:\(.host)/\(.serial)"' "$here/../../datasets/web_cmdi/truth.json")

# measured STORE STRATEGY RUNS: as text.
measured() {
    "$here/measure.py" --runs "$3" bash -c '"$@" >/dev/null' trace "$BACKTRAIL" trace --strategy "$2" --store "$1" --from "$alert" |
        jq -r '"\(.wall_s) s (processor \(.cpu_s)), \(.peak_mib) MiB"'
}

echo "| events | closure: entities, events, candidate ways in | critical | its edges | depimpact (k = 6) | backtracker, as text |"
echo "|---:|---|---|---:|---|---|"
for n in "${sites[@]}"; do
    store=$work/$n.fleet
    rm -rf "$store"
    events=$("$tools/bench_fleet" --store "$store" --explosion --sites "$n" "${joined[@]}" | jq .events)
    closure=$("$BACKTRAIL" trace --strategy backtracker --store "$store" --from "$alert" --output json |
        jq -r '"\(.stats.closure_nodes), \(.stats.closure_events), \(.entries | length)"')
    edges=$("$BACKTRAIL" trace --store "$store" --from "$alert" --output json | jq '.edges | length')
    echo "| $events | $closure | $(measured "$store" critical 3) | $edges | $(measured "$store" depimpact 1) | $(measured "$store" backtracker 1) |"
done
