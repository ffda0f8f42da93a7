#!/usr/bin/env bash
# On a recording, the files that stand for assets are those that a plain test of every file finds: for the recording's own inventory, and for
# globs made of its paths; in one segment, in many, and in several stores' segments merged. BTR_SEED repeats a run.
set -euo pipefail
command -v zstd >/dev/null || { echo "skip: zstd is not installed"; exit 77; }
data=$BTR_SOURCE_DIR/datasets/web_cmdi
seed=${BTR_SEED:-$RANDOM$RANDOM} lines=40000 count=200
[ -z "${BTR_LONG:-}" ] || lines=100000000 count=2000

fail() {
    printf 'FAILED: %s (BTR_SEED=%s)\n' "$*" "$seed"
    exit 1
}

# checked STORE
checked() {
    "$BTR_ASSETS_CHECK" "$1" "$data/assets.yaml" >"$1.found" || fail "$1: the inventory"
    "$BTR_ASSETS_CHECK" "$1" --random "$seed" $count >"$1.random" || fail "$1: random globs"
}

mkdir logs
for log in "$data"/*.audit.log.zst; do
    zstd -dcq "$log" | sed "${lines}q" >"logs/$(basename "$log" .zst)" || true # the rest is not wanted
done
"$BACKTRAIL" ingest --quiet --store many --hosts "$data/hosts.json" --segment-events 3000 logs || fail "ingest"
[ "$(find many -name '*.bseg' | wc -l)" -gt 3 ] || fail "there are not many segments"
checked many
[ "$(awk '$1 > 0' many.found | wc -l)" -ge 5 ] || fail "hardly an asset was found: $(cat many.found)"
[ "$(awk '{ print $3 }' many.random)" -gt 500 ] || fail "globs found hardly a file: $(cat many.random)"
"$BACKTRAIL" store compact --store many >out 2>&1 || fail "compact: $(cat out)"
cp many.found many.before
checked many
cmp many.before many.found || fail "merged segments hold other assets"
