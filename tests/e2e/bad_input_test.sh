#!/usr/bin/env bash
# What is wrong with an input or a store is said in one line that names it, with the right exit status, and changes nothing.
set -euo pipefail
data=$BTR_SOURCE_DIR/datasets/web_cmdi
failures=0
export ASAN_OPTIONS=${ASAN_OPTIONS:-}

fail() {
    printf 'FAILED: %s\n' "$*"
    sed 's/^/    /' err
    failures=$((failures + 1))
}

# refused STATUS PATTERN ARGUMENT...: the command ends with that status and says one line, which fits the pattern.
refused() {
    local want=$1 pattern=$2 status=0
    shift 2
    "$BACKTRAIL" "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq "$want" ] || fail "$*: status $status, not $want"
    [ "$(wc -l <err)" -eq 1 ] || fail "$*: $(wc -l <err) lines, not one"
    grep -qE -- "$pattern" err || fail "$*: does not say $pattern"
    ! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' err || fail "$*: control bytes on the terminal"
    [ ! -s out ] || fail "$*: something on stdout"
}

took() {
    local status=0
    "$BACKTRAIL" "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq 0 ] || fail "$*: status $status, not 0"
}

ingest="ingest --quiet --store"
fingerprint() { "$BTR_DUMP_STORE" case.btr | sort | sha256sum; }

head -c 400000 < <(zstd -dcq "$data/web01.audit.log.zst") | sed '$d' >web01.audit.log
took $ingest case.btr web01.audit.log
before=$(fingerprint)

# ---- Usage
refused 2 'store' ingest web01.audit.log
refused 2 'no input' ingest --store case.btr
refused 2 'no option "--colour"' ingest --store case.btr --colour web01.audit.log
refused 2 'no such format' $ingest case.btr --format nonsense web01.audit.log
refused 2 'topic is missing' ingest --store case.btr --kafka broker:9092
refused 2 'is a path' ingest --store case.btr --kafka broker:9092 --topic t web01.audit.log
refused 2 'go with --kafka' ingest --store case.btr --topic t web01.audit.log
refused 2 'a secret does not stand in a command' ingest --store case.btr --kafka broker:9092 --topic t -X sasl.password=x
refused 2 'no such setting' ingest --store case.btr --kafka broker:9092 --topic t -X no.such=1
refused 2 'is not to be set' ingest --store case.btr --kafka broker:9092 --topic t -X auto.offset.reset=latest
refused 2 'absent.json' $ingest case.btr --hosts absent.json web01.audit.log
echo '{"web01": [' >broken.json
refused 2 'broken.json' $ingest case.btr --hosts broken.json web01.audit.log

# ---- Inputs that are not there, not readable, not logs
refused 2 'absent.log' $ingest case.btr absent.log
refused 2 'absent\*.log' $ingest case.btr 'absent*.log'
mkdir none && echo x >none/readme.txt
refused 2 'none' $ingest case.btr none
head -c 100000 /dev/urandom >noise.audit.log
refused 2 'noise.audit.log' $ingest case.btr noise.audit.log
refused 2 'not one of its [0-9]* records is auditd' $ingest noise.btr --format auditd noise=noise.audit.log
printf 'hello world\nthis is a letter\n' >letter.audit.log
refused 2 'letter.audit.log: no known log format' $ingest case.btr letter.audit.log
refused 2 'letter.audit.log: no known log format' $ingest new.btr letter.audit.log
[ ! -e new.btr ] || fail "a refused input made a store"
cp web01.audit.log audit.log
refused 2 'HOST=audit.log' $ingest case.btr audit.log
printf '\xfd7zXZ\x00rest' >web01.audit.log.xz
refused 2 'xz' $ingest case.btr web01.audit.log.xz
ln -s /proc/self/mem mem.audit.log
refused 3 'mem.audit.log' $ingest case.btr mem.audit.log
if [ "$(id -u)" -ne 0 ]; then
    cp web01.audit.log locked.audit.log && chmod 0 locked.audit.log
    refused 2 'locked.audit.log' $ingest case.btr locked.audit.log
else
    echo "not tried as root: an unreadable file"
fi
[ "$(fingerprint)" = "$before" ] || fail "a refused input changed the store"

# ---- Read before: nothing is added, whatever it is called
cp web01.audit.log old.audit.log.3 && gzip -k old.audit.log.3 && zstd -q web01.audit.log
took $ingest case.btr web01.audit.log old.audit.log.3 old.audit.log.3.gz web01.audit.log.zst
[ "$(fingerprint)" = "$before" ] || fail "content that was read before was added"

# ---- Damaged and cut: the good part, then one line
head -c $(($(stat -c %s web01.audit.log.zst) / 2)) web01.audit.log.zst >cut.audit.log.zst
refused 2 'cut.audit.log.zst: .*cut' $ingest cut.btr cut.audit.log.zst
head -c $(($(stat -c %s old.audit.log.3.gz) / 2)) old.audit.log.3.gz >cut.audit.log.gz
refused 2 'cut.audit.log.gz: .*cut' $ingest cut2.btr web01=cut.audit.log.gz
python3 - <<'EOT'
data = bytearray(open("web01.audit.log.zst", "rb").read())
data[len(data) // 2] ^= 0x55
open("flip.audit.log.zst", "wb").write(data)
EOT
refused 2 'flip.audit.log.zst: ' $ingest cut3.btr flip.audit.log.zst
# The whole file afterwards adds what was missing, and nothing twice.
took $ingest cut.btr cut=web01.audit.log
[ "$("$BTR_DUMP_STORE" cut.btr | grep -c ^event)" = "$("$BTR_DUMP_STORE" case.btr | grep -c ^event)" ] ||
    fail "a cut file and then the whole one do not give the whole one's events"

# ---- Undecodable records: kept with reason and place, the rest is read
{
    cat web01.audit.log
    printf 'type=SYSCALL msg=audit(rubbish): a=b\n'
    head -c 65536 /dev/zero | tr '\0' x
    printf '\n'
    head -c 67108864 /dev/zero | tr '\0' y
    printf '\nnul \0 and \xff\xfe here\n'
} >odd.audit.log
took $ingest odd.btr odd.audit.log
[ "$("$BTR_DUMP_STORE" odd.btr | grep -c ^quarantined)" -eq 4 ] || fail "not all undecodable records are in quarantine"
"$BTR_DUMP_STORE" odd.btr | grep ^quarantined | grep -q 67108864 || fail "the size of a long line is not kept"

# ---- Stores: locked, newer, no store, full disk
mkfifo gate
"$BACKTRAIL" ingest --quiet --store case.btr web02=- <gate >/dev/null 2>&1 &
holder=$!
exec 3>gate
head -c 2000000 web01.audit.log >&3
for _ in $(seq 200); do
    status=0
    "$BACKTRAIL" ingest --quiet --store case.btr web01.audit.log >out 2>err </dev/null || status=$?
    [ "$status" -eq 0 ] || break
done
[ "$status" -eq 3 ] || fail "a locked store: status $status, not 3"
[ "$(wc -l <err)" -eq 1 ] || fail "a locked store: not one line"
kill -9 $holder
exec 3>&-
wait $holder 2>/dev/null || true

mkdir other && echo hello >other/file
refused 3 'other' $ingest other web01.audit.log
echo hello >plain
refused 3 'plain' $ingest plain web01.audit.log
refused 3 'absent/deep' $ingest absent/deep.btr web01.audit.log

# A file size limit stands for a full disk: writing fails at some point, the store stays as it was.
took $ingest full.btr web01.audit.log
"$BTR_DUMP_STORE" full.btr | sort >full.before
head -c 4000000 < <(zstd -dcq "$data/db01.audit.log.zst") | sed '$d' >db01.audit.log
status=0
(
    trap '' XFSZ
    ulimit -f 64
    exec "$BACKTRAIL" $ingest full.btr db01.audit.log >out 2>err </dev/null
) || status=$?
[ "$status" -eq 3 ] || fail "no space left: status $status, not 3"
"$BTR_DUMP_STORE" full.btr | sort | cmp -s - full.before || fail "no space left: the store changed"
took $ingest full.btr db01.audit.log
took store verify --store full.btr

[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
