#!/usr/bin/env bash
# Closures from sampled entities and times are those of the same events in plain arrays, whatever was done to the stores: see the table.
# That a difference is found is shown with a store that lacks events. BTR_SEED repeats a run; BTR_LONG=1 takes whole recordings and 10,000
# closures; BTR_CLOSURES_COUNT takes another number; BTR_SHARED_DIR has more recordings, of which BTR_CLOSURES_ONLY takes one.
set -euo pipefail
data=$BTR_SOURCE_DIR/datasets lab=${BTR_SHARED_DIR:-$BTR_SOURCE_DIR/../shared}/datasets/lab
seed=${BTR_SEED:-$RANDOM$RANDOM} count=200 lines=40000
recordings=("$data/web_cmdi")
if [ -n "${BTR_LONG:-}" ]; then
    count=10000 lines=
    for name in ssh_lateral container_escape shellshock_twostage; do
        [ ! -d "$lab/$name" ] || recordings+=("$lab/$name")
    done
fi
count=${BTR_CLOSURES_COUNT:-$count}

# The table, a row a store: its name; what must be equal (all; or nodes, where events that no closure needs are gone); which share of the
# closures it is asked for, one in so many; what made it. The events are taken from the first. Each function makes $1 out of stores above it;
# those with commas are asked as one.
STORES='
small         all 1  ingested   many small segments
merged        all 1  compacted  small ones merged
imported      all 10 moved      out of a bag of the merged one: the same files
joined        all 10 told_twice told by two ingesters, moved into one store, and merged
small,joined  all 10 -          two stores asked as one, which tell the same: four times the work
thinned  thinned 1  thin        of the merged one, alike events made one
'

quietly() { "$BACKTRAIL" "$@" >/dev/null 2>>"$work/quiet.log" || { cat "$work/quiet.log"; return 1; }; }
ingest() { quietly ingest --quiet --hosts "$folder/hosts.json" --store "$@"; } # STORE [OPTION...] LOGS

ingested() { ingest "$1" --segment-events 5000 "$work/logs"; }
compacted() {
    cp -r "$work/small" "$1"
    quietly store compact --store "$1"
}
moved() {
    quietly store export --store "$work/merged" "$work/merged.tar"
    quietly store import --store "$1" "$work/merged.tar"
    (cd "$1/segments" && sha256sum */*) | (cd "$work/merged/segments" && sha256sum --quiet -c -)
}
thin() {
    cp -r "$work/merged" "$1"
    quietly store thin --store "$1" --before 2100-01-01T00:00:00Z
    "$BACKTRAIL" store stat --store "$1" | grep -q '^thinned ' || { echo "nothing was thinned"; return 1; }
}
told_twice() {
    mkdir "$work/copies"
    for log in "$work"/logs/*; do ln "$log" "$work/copies/$(basename "$log" .log)-copy.log"; done # another input: the name is another
    ingest "$1" --segment-events 20000 "$work/copies"
    quietly store export --store "$work/small" "$work/small.tar"
    quietly store import --store "$1" "$work/small.tar"
    quietly store compact --store "$1"
}

# Logs without their last part: closures over them are not those of all.
lacking() {
    mkdir "$work/cut"
    for log in "$work"/logs/*; do head -n $(($(wc -l <"$log") * 9 / 10)) "$log" >"$work/cut/$(basename "$log")"; done
    ingest "$work/lacking" "$work/cut"
    if "$BTR_CLOSURES" "$seed" 100 "all:$work/small" "nodes:$work/lacking" >"$work/lacking.log" 2>&1; then
        echo "a store that lacks events was not found out" && cat "$work/lacking.log" && return 1
    fi
    grep -q '[1-9][0-9]* differ$' "$work/lacking.log" || { cat "$work/lacking.log"; return 1; }
}

for folder in "${recordings[@]}"; do
    recording=$(basename "$folder")
    [[ $recording == *${BTR_CLOSURES_ONLY:-}* ]] || continue
    work=$BTR_WORK/$recording
    mkdir -p "$work/logs"
    for log in "$folder"/*.audit.log.zst; do
        zstd -dcq "$log" | if [ -n "$lines" ]; then head -n "$lines"; else cat; fi >"$work/logs/$(basename "$log" .zst)" || true
    done
    while read -r stores _ _ maker _; do
        [ -z "$stores" ] || [ "$maker" = - ] || "$maker" "$work/$stores"
    done <<<"$STORES"
    echo "$recording, seed $seed"
    for share in 1 10; do
        arguments=("all:$work/small")
        while read -r stores how of _; do
            [ "${of:-}" != $share ] || [ "$stores" = small ] || arguments+=("$how:$work/${stores//,/,$work/}")
        done <<<"$STORES"
        "$BTR_CLOSURES" "$seed" $((count / share)) "${arguments[@]}"
    done
    lacking
done
