#!/usr/bin/env bash
# usage: sizes.sh [FOLDER...]   Bytes an event by part, of stores that hold one data set each, merged (fleet/sections.py --line).
# A FOLDER with audit logs and a hosts.json is one data set. Of a folder of JSON logs each file is one, and all of them together are another.
# Without folders: the shipped recording, and the recordings and Windows logs of BTR_SHARED_DIR. BTR_BENCH_WORK is where the stores go, one at a
# time. Small sets pay for what every store has once: the catalog takes some 80 KB, and 100 to 200 KB for each host of which audit logs were read
# (the decoder's state, and the pages of the one before); dictionaries come with more events than some have.
# BTR_BENCH_PEERS=ClickHouse-zstd9 puts that engine's bytes an event behind each line, after `./dev bench peers` has made build/peers-venv.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
here=$(dirname "$(readlink -f "$0")")
work=${BTR_BENCH_WORK:-$here/../../build/bench}/sizes
shared=${BTR_SHARED_DIR:-$here/../../../shared}/datasets
python=$here/../../build/peers-venv/bin/python
tools=$(dirname "$BACKTRAIL")
folders=("$@")
if [ $# -eq 0 ]; then
    folders=("$here/../../datasets/web_cmdi")
    for folder in "$shared"/lab/{ssh_lateral,container_escape,shellshock_twostage} "$shared"/otrf "$shared"/otrf_bulk; do
        [ ! -d "$folder" ] || folders+=("$folder")
    done
fi

# What other engines need for the same events and entities.
peers() { # STORE
    local name
    rm -rf "$work/dump"
    "$tools/bench_dump_events" "$1" "$work/dump"
    "$python" "$here/peers/engine.py" prepare "$work/dump"
    for name in ${BTR_BENCH_PEERS//,/ }; do
        "$python" "$here/peers/engine.py" load "$name" "$work/dump" "$work/peer" | jq -r '"  \(.peer): \(.bytes * 1000 | round / 1000)"'
    done
}

# One data set: NAME, then what `ingest` is told.
measure() {
    local store=$work/$1 told counted
    rm -rf "$store"
    "$BACKTRAIL" ingest --quiet --store "$store" "${@:2}" 2>"$work/ingest.log" || { cat "$work/ingest.log" >&2; return 1; }
    for _ in 1 2; do "$BACKTRAIL" store compact --store "$store" >/dev/null 2>&1; done # the second removes what the first replaced
    told=$("$here/fleet/sections.py" --line "$store" | sed 1d)
    echo "$told"
    counted=$(awk '{ print $2 }' <<<"$told")
    "$BACKTRAIL" store stat --store "$store" | grep -q "^events  *$counted\$" || echo "sizes: files of $1 are there that the catalog does not name" >&2
    [ -z "${BTR_BENCH_PEERS:-}" ] || [ "$counted" -eq 0 ] || peers "$store"
    rm -rf "$store"
}

mkdir -p "$work"
"$here/fleet/sections.py" --line
for folder in "${folders[@]}"; do
    name=$(basename "$folder")
    if [ -f "$folder/hosts.json" ]; then
        measure "$name" --hosts "$folder/hosts.json" "$folder"/*.audit.log.zst
        continue
    fi
    for file in "$folder"/*.jsonl.zst "$folder"/*.json "$folder"/*.jsonl; do
        [ ! -f "$file" ] || [[ $file == *.truth.json ]] || measure "$(basename "$file" | sed 's/\.json.*//')" "$file"
    done
    measure "all_of_$name" "$folder"
done
