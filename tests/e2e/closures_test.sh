#!/usr/bin/env bash
# Closures from sampled entities and times are those of the same events in plain arrays: in many small segments, merged, and spread over stores
# that are asked as one. BTR_SEED repeats a run; BTR_LONG=1 takes whole recordings and 10,000 closures; BTR_SHARED_DIR has more recordings.
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

for folder in "${recordings[@]}"; do
    work=$BTR_WORK/$(basename "$folder")
    mkdir -p "$work/logs"
    for log in "$folder"/*.audit.log.zst; do
        zstd -dcq "$log" | if [ -n "$lines" ]; then head -n "$lines"; else cat; fi >"$work/logs/$(basename "$log" .zst)" || true
    done
    ingest=("$BACKTRAIL" ingest --quiet --hosts "$folder/hosts.json")
    "${ingest[@]}" --store "$work/small" --segment-events 5000 "$work/logs"
    cp -r "$work/small" "$work/merged"
    "$BACKTRAIL" store compact --store "$work/merged" >/dev/null 2>&1
    "${ingest[@]}" --store "$work/again" "$work/logs" # told twice: counts once
    echo "$(basename "$folder"), seed $seed"
    "$BTR_CLOSURES" "$seed" "$count" "$work/small" "$work/merged" "$work/small,$work/again"
done
