#!/usr/bin/env bash
# What programs usually do: on a recording, the reader says what a plain count of its events says, and the same however the events are
# cut, merged, carried, thinned or spread over stores. An independent reader finds the same rows in the files.
set -euo pipefail
command -v zstd >/dev/null || { echo "skip: zstd is not installed"; exit 77; }
data=$BTR_SOURCE_DIR/datasets/web_cmdi
LINES_EACH=60000

fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

# ingested STORE WORD...
ingested() {
    "$BACKTRAIL" ingest --quiet --store "$1" --hosts "$data/hosts.json" "${@:2}" || fail "ingest into $1"
}

# same NAME STORE...: the stores are sound in themselves, and tell what `one` tells.
same() {
    "$BTR_USUAL_CHECK" "${@:2}" >"$1.rows" || fail "$1: the reader does not agree with the events"
    cmp -s one.rows "$1.rows" || fail "$1: other counts, see $1.rows"
}

# rows STORE: the sum over the sections of all its files, as an independent reader finds them.
rows() {
    find "$1/segments" -name '*.bseg' -exec python3 "$BTR_SOURCE_DIR/tests/e2e/read_segment.py" {} \; |
        sed -n 's/^{"program": "\(.*\)", "thing": "\(.*\)", "count": \(.*\)}$/\1\t\2\t\3/p' |
        awk -F'\t' '{ sum[$1 "\t" $2] += $3 } END { for (k in sum) print k "\t" sum[k] }' | sort
}

mkdir logs
for log in "$data"/*.audit.log.zst; do
    zstd -dcq "$log" | sed "${LINES_EACH}q" >"logs/$(basename "$log" .zst)" || true # the rest is not wanted
done
ingested one logs
"$BTR_USUAL_CHECK" one >one.rows || fail "one: the reader does not agree with the events"
[ "$(wc -l <one.rows)" -gt 1000 ] || fail "hardly anything was counted"
sort one.rows | diff - <(rows one) >diff || fail "an independent reader finds other rows: $(head -3 diff)"

ingested many --segment-events 3000 logs
[ "$(find many -name '*.bseg' | wc -l)" -gt 3 ] || fail "there are not many segments"
same many many
"$BACKTRAIL" store export --store many bag.tar >out 2>&1 || fail "export: $(cat out)"
"$BACKTRAIL" store import --store carried bag.tar >out 2>&1 || fail "import: $(cat out)"
same carried carried

"$BACKTRAIL" store thin --store many --before 2100-01-01T00:00:00Z >out 2>&1 || fail "thin: $(cat out)"
"$BACKTRAIL" store stat --store many | grep -q '^thinned ' || fail "nothing was thinned"
same thinned many
"$BACKTRAIL" store compact --store many >out 2>&1 || fail "compact: $(cat out)"
same merged many

for log in logs/*; do
    ingested "store-$(basename "$log" .audit.log)" "$log"
done
same stores store-*
