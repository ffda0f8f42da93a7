#!/usr/bin/env bash
# usage: fleet.sh [EVENTS]   The store over a fleet (tests/bench/fleet/README.md) of 1 M and 10 M events, and of EVENTS when more are asked.
# Prints: events a second from decoded events to sealed, peak memory, bytes an event by part; times of traces with small answers, warm and
# cold, and of find; how the time grows with the store; and the explosion. Whole processes.
# BTR_SHARED_DIR has more recordings than the shipped one; BTR_BENCH_WORK is where the stores go (6 bytes an event), and stay.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
work=${BTR_BENCH_WORK:-$here/../../build/bench}/fleet
tools=$(dirname "$BACKTRAIL")
lab=${BTR_SHARED_DIR:-$here/../../../shared}/datasets/lab
most=${1:-10000000}
[[ $most =~ ^[0-9]+$ ]] || { echo "fleet.sh: EVENTS is a number" >&2; exit 2; }
mkdir -p "$work"

. "$here/fleet/recordings.sh"
echo "recordings: ${#recordings[@]}"
day=$("$tools/bench_fleet" --null --sites "${#recordings[@]}" "${recordings[@]}" | jq .events)

told() { # WORD JSON
    jq -r --arg word "$1" '"\($word): \(.events) events of \(.sites) sites x \(.days) days, \(.events_per_cpu_s) events/s a core, \(.events_per_wall_s) events/s of wall time, peak \(.peak_mib) MiB of which the recordings \(.loaded_mib) MiB"' <<<"$2"
}

# fleet EVENTS: makes $work/EVENTS.fleet.
fleet() {
    local events=$1 days=1 sites made
    [ "$events" -le 1000000 ] || days=3
    [ "$events" -le 10000000 ] || days=5
    [ "$events" -le 100000000 ] || days=20
    sites=$((events * ${#recordings[@]} / day / days + 2))
    rm -rf "$work/$events.fleet"
    told "generator alone" "$("$tools/bench_fleet" --null --sites $sites --days $days --events "$events" "${recordings[@]}")"
    made=$("$tools/bench_fleet" --store "$work/$events.fleet" --sites $sites --days $days --events "$events" "${recordings[@]}")
    told "decoded to sealed" "$made"
    "$here/fleet/sections.py" "$work/$events.fleet"
}

# What small publishes and merging make of it.
merged() { # EVENTS
    local made store=$work/merged.fleet
    rm -rf "$store"
    made=$("$tools/bench_fleet" --store "$store" --sites $(($1 * ${#recordings[@]} / day / 3 + 2)) --days 3 --events "$1" --publish 65536 "${recordings[@]}")
    told "in publishes of 65,536, merged meanwhile" "$made"
    jq -r '"merged meanwhile: \(.merges) merges wrote \(.events_merged) events, \(.events_merged / .events * 100 | round / 100) an event"' <<<"$made"
    "$here/measure.py" "$BACKTRAIL" store compact --store "$store" 2>/dev/null |
        jq -r '"store compact: \(.wall_s) s, processor \(.cpu_s) s, peak \(.peak_mib) MiB"'
    # Files that were replaced stay a while for readers of before: what counts is what the catalog names.
    "$BACKTRAIL" store stat --store "$store" |
        awk '/^segments/ { n = $2 } /^segment bytes/ { b = $3 } /^events/ { e = $2 } END { printf "merged: %d segments, %.3f bytes an event\n", n, b / e }'
}

stores=()
for events in 1000000 10000000 100000000 "$most"; do
    [ "$events" -le "$most" ] && [[ " ${stores[*]} " != *"/$events.fleet "* ]] || continue
    fleet "$events"
    stores+=("$work/$events.fleet")
done
merged 10000000
"$here/fleet/latency.py" --merged "$work/merged.fleet" "$BACKTRAIL" "$tools/bench_fleet_sample" "${stores[@]}"
late=$(jq -r '[.alerts[] | select(.stage == "late")][0] | "record:\(.host)/\(.serial)"' "$here/../../datasets/web_cmdi/truth.json")
"$here/fleet/alerts.py" "$BACKTRAIL" "$tools/bench_fleet_sample" "${stores[-1]}" "$late"

# The explosion: 12.2 M events, of which the late alert's closure has 6.8 M, and 395,500 nodes, with the three recordings that have a web01.
joined=()
for one in "${recordings[@]}"; do
    [[ $one == *container_escape* ]] || joined+=("$one")
done
rm -rf "$work/explosion.fleet"
told "explosion, decoded to sealed" "$("$tools/bench_fleet" --store "$work/explosion.fleet" --explosion --sites 18 "${joined[@]}")"
trace=("$BACKTRAIL" trace --strategy backtracker --store "$work/explosion.fleet" --from "$late" --output json)
"${trace[@]}" | jq -r '.stats | "explosion: \(.closure_nodes) nodes, \(.closure_events) events in the closure, \(.events_scanned) looked at, \(.segments_opened) segments"'
"$tools/bench_closure" "$work/explosion.fleet" "$late" 3 |
    jq -r '"explosion, one process: walk \(.walk_ms) ms of processor, answer \(.answer_ms), JSON \(.json_ms) for \(.json_bytes) bytes; peak \(.peak_mib) MiB"'
"$here/measure.py" --runs 3 bash -c '"$@" >/dev/null' trace "${trace[@]:0:6}" |
    jq -r '"explosion: trace as text \(.wall_s) s, least \(.least_s), most \(.most_s), processor \(.cpu_s) s, peak \(.peak_mib) MiB"'
"$here/measure.py" --runs 3 bash -c '"$@" >/dev/null' trace "${trace[@]}" |
    jq -r '"explosion: trace as JSON \(.wall_s) s, least \(.least_s), most \(.most_s), processor \(.cpu_s) s, peak \(.peak_mib) MiB"'
