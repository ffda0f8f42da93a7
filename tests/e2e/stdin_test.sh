#!/usr/bin/env bash
# Records of standard input are read once: two pipes that overlap, and a pipe that was killed, end as one pipe does.
set -euo pipefail
command -v zstd >/dev/null || { echo "skip: zstd is not installed"; exit 77; }
data=$BTR_SOURCE_DIR/datasets/web_cmdi

fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

# fed STORE WORD...: the text of stdin into the store.
fed() {
    "$BACKTRAIL" ingest --store "$1" --hosts "$data/hosts.json" "${@:2}" web01=- 2>err || fail "ingest: $(cat err)"
}

# counts STORE: what each source told, by operation; without the sizes of the store itself.
counts() {
    "$BACKTRAIL" store stat --store "$1" --by host,source | sed '1,/^$/d'
}

zstd -dcq "$data/web01.audit.log.zst" >all
head -n 60000 all >text
lines=$(wc -l <text)
fed one <text
counts one >one.counts

head -n $((lines * 6 / 10)) text | fed two
tail -n +$((lines * 3 / 10 + 1)) text | fed two
grep -q " $((lines * 6 / 10 - lines * 3 / 10)) records read before" err || fail "not all that overlaps is known: $(cat err)"
counts two >two.counts
diff one.counts two.counts || fail "two pipes that overlap tell other events than one"

cat text | fed two
counts two | diff one.counts - || fail "the whole pipe again adds events"

# Killed in the middle: the pipe stays open until something was published; then from elsewhere, then the same again.
mkfifo pipe
"$BACKTRAIL" ingest --store three --hosts "$data/hosts.json" --quiet --segment-events 700 web01=- <pipe &
ingest=$!
exec 3>pipe
head -n $((lines / 2)) text >&3
for _ in $(seq 600); do
    [ -n "$(find three/segments -name '*.bseg' 2>/dev/null)" ] && break
    sleep 0.1
done
kill -9 "$ingest"
wait "$ingest" || true
exec 3>&-
tail -n +1001 text | fed three
grep -q "[1-9][0-9]* records read before" err || fail "after a kill nothing is known: $(cat err)"
cat text | fed three
counts three | diff one.counts - || fail "a killed pipe and the rest tell other events than one"
