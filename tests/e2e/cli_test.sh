#!/usr/bin/env bash
# The query commands as a user gives them: exit statuses, one line for what is wrong, help that is true, pipes that close.
set -euo pipefail
failures=0

fail() {
    printf 'FAILED: %s\n' "$*"
    sed 's/^/    /' err
    failures=$((failures + 1))
}

# refused STATUS PATTERN ARGUMENT...: ends with that status and one line on stderr that fits; nothing on stdout.
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

# answers STATUS PATTERN ARGUMENT...: ends with that status, and stdout has a line that fits.
answers() {
    local want=$1 pattern=$2 status=0
    shift 2
    "$BACKTRAIL" "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq "$want" ] || fail "$*: status $status, not $want"
    grep -qE -- "$pattern" out || fail "$*: stdout does not say $pattern"
}

# A shell (50) that curl (51) comes of, which writes /tmp/x; a second life of pid 51 later.
syscall() { # SERIAL CALL EXIT PPID PID EXE A0 A2 ITEMS
    printf 'type=SYSCALL msg=audit(1795424284.%s:%s): arch=c000003e syscall=%s success=yes exit=%s a0=%s a1=0 a2=%s a3=0 items=%s ppid=%s pid=%s auid=1000 uid=33 gid=33 euid=33 suid=33 fsuid=33 egid=33 sgid=33 fsgid=33 tty=(none) ses=4 comm="x" exe="%s" key=(null)\n' \
        "$1" "$1" "$2" "$3" "$7" "$8" "$9" "$4" "$5" "$6"
}
path() { # SERIAL NAME INODE TYPE
    printf 'type=CWD msg=audit(1795424284.%s:%s): cwd="/tmp"\n' "$1" "$1"
    printf 'type=PATH msg=audit(1795424284.%s:%s): item=0 name="%s" inode=%s dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=%s\n' "$1" "$1" "$2" "$3" "$4"
}
{
    syscall 101 59 0 1 50 /usr/bin/dash 1 3 1 && path 101 /usr/bin/dash 11 NORMAL
    syscall 102 57 51 1 50 /usr/bin/dash 0 0 0
    syscall 103 59 0 50 51 /usr/bin/curl 1 3 1
    printf 'type=EXECVE msg=audit(1795424284.103:103): argc=2 a0="curl" a1=%s\n' "$(printf 'http://x/"\033[31m' | od -An -tx1 | tr -d ' \n')"
    path 103 /usr/bin/curl 12 NORMAL
    syscall 104 257 3 50 51 /usr/bin/curl ffffff9c 241 1 && path 104 /tmp/x 13 CREATE
    syscall 105 1 900 50 51 /usr/bin/curl 3 384 0
    syscall 106 231 0 50 51 /usr/bin/curl 0 0 0
    syscall 201 57 51 1 50 /usr/bin/dash 0 0 0
    syscall 202 59 0 50 51 /usr/bin/cat 1 3 1 && path 202 /usr/bin/cat 14 NORMAL
    printf 'type=EXECVE msg=audit(1795424284.202:202): argc=2 a0="cat" a1="%s"\n' "$(printf 'A%.0s' {1..3000})"
    syscall 203 257 3 50 51 /usr/bin/cat ffffff9c 0 1 && path 203 /tmp/x 13 NORMAL
    syscall 204 0 900 50 51 /usr/bin/cat 3 384 0
} >small.audit.log
"$BACKTRAIL" ingest --quiet --store case.btr web01=small.audit.log
store="--store case.btr"

# ---- Bad usage: status 2, one line that names it
refused 2 'a command is missing'
refused 2 'no command "tarce"' tarce
refused 2 'no command "\\x1b' $'\x1b[31m'
for later in report replay; do refused 2 "$later: not built yet" $later; done
refused 2 'subcommand is missing' store
refused 2 'no subcommand "stats"' store stats
refused 2 'unexpected "x"' store stat x $store
refused 2 'host,source' store stat --by host $store
refused 2 'a head has 64 hex digits' store verify --root ab $store
refused 2 'store DIR is missing' store gaps
refused 2 'store DIR is missing' store verify
refused 2 '"xml": text or json' store verify --output xml $store
refused 2 'store DIR is missing' find
refused 2 'no option "--colour"' find $store --colour
refused 2 'option --limit needs a value' find $store --limit
refused 2 'is given twice' find $store --limit 1 --limit 2
refused 2 'no such kind' find $store --kind processes
refused 2 'no number' find $store --limit many
refused 2 'limit 0' find $store --limit 0
refused 2 'is no time' find $store --since yesterday
refused 2 'since is after' find $store --since 2 --until 1
refused 2 'text or json' find $store --output xml
refused 2 'more than one FILTER' find $store process.pid == 51
refused 2 'did you mean process.executable' find $store 'process.exe == "x"'
refused 2 'from SPEC is missing' trace $store
refused 2 'no strategy "best"' trace $store --from id:0 --strategy best
refused 2 'entries is for --strategy depimpact only' trace $store --from record:web01/105 --strategy nodoze --entries 3
refused 2 'entries "0": a number from 1 on' trace $store --from record:web01/105 --strategy depimpact --entries 0
refused 2 'no number' trace $store --from record:web01/105 --strategy depimpact --entries many
refused 2 'between and --from exclude' trace $store --between id:0 id:1 --from id:0
refused 2 'between and --forward exclude' trace $store --between id:0 id:1 --forward
refused 2 'option --between needs values: SPEC SPEC' trace $store --between id:0
refused 2 'is given twice' trace $store --between id:0 id:1 --between id:0 id:1
refused 2 'begins with none of' trace $store --between id:0 web01/105
refused 2 'without: .*did you mean process.executable' trace $store --from record:web01/105 --without 'process.exe == "x"'
refused 2 'without "": an empty FILTER' trace $store --from record:web01/105 --without ''
refused 2 'without leaves out what record:web01/204 names' trace $store --from record:web01/204 --without 'process.name == "cat"'
refused 2 'explain: with text or json' trace $store --from record:web01/105 --explain --output dot
refused 2 'exclude each other' trace $store --from record:web01/105 --forward --backward
refused 2 'timeline and --tree exclude each other' trace $store --from record:web01/105 --timeline --tree
refused 2 'tree: with text only, not json' trace $store --from record:web01/105 --tree --output json
refused 2 'timeline: with text only, not dot' trace $store --from record:web01/105 --timeline --output dot
refused 2 'timeline shows no records' trace $store --from record:web01/105 --timeline --show-records
refused 2 'text, json, dot or graphml' trace $store --from record:web01/105 --output pdf
refused 2 'first or all' trace $store --from record:web01/105 --evidence some
refused 2 'budget "hours=3"' trace $store --from record:web01/105 --budget hours=3
refused 2 'no amount above nothing' trace $store --from record:web01/105 --budget edges=0
refused 2 'no amount above nothing' trace $store --from record:web01/105 --budget time=5
refused 2 'given twice' trace $store --from record:web01/105 --budget edges=5 --budget edges=6
refused 2 'is no time' trace $store --from record:web01/105 --at noon
refused 2 'option --forward takes no value' trace $store --from record:web01/105 --forward=yes
refused 2 'unexpected "record:web01/105"' trace $store record:web01/105
refused 2 'begins with none of' trace $store --from web01/105
refused 2 'begins with / or a drive' trace $store --from file:web01/etc/x

# ---- Nothing there: status 1
refused 1 'nothing found' find $store 'process.pid == 4711'
refused 1 'no event of record 4711' trace $store --from record:web01/4711
refused 1 'nothing in the store fits' trace $store --from file:web01//nowhere
grep -a ':10[1-6])' small.audit.log >whole.audit.log
"$BACKTRAIL" ingest --quiet --store whole.btr web01=whole.audit.log
refused 1 'no gaps known' store gaps --store whole.btr

# ---- Several fit: status 2, and they are listed
status=0
"$BACKTRAIL" trace $store --from process:web01/51 >out 2>err || status=$?
[ "$status" -eq 2 ] && grep -q '2 processes fit' err && [ "$(grep -c '^id:' err)" -eq 2 ] || fail "ambiguous process: $status"

# ---- The store fails: status 3
refused 3 'absent.btr' trace --store absent.btr --from record:web01/105
refused 3 'absent.btr' find --store absent.btr
refused 3 'absent.btr' store verify --store absent.btr
mkdir folder.btr
refused 3 'folder.btr' find --store folder.btr
refused 3 'small.audit.log' store stat --store small.audit.log

# ---- Answers
answers 0 '^backtrail [0-9]' --version
answers 0 'file +web01 .* /tmp/x$' find $store --kind file 'file.path == "/tmp/x"'
answers 0 '"complete":true' find $store --output=json
answers 0 'cat A{996}\.\.\.$' find $store 'process.name == "cat"'
answers 0 'cat A{3000}"' find $store --output json 'process.name == "cat"'
answers 4 '^CUT: the first 1, ' find $store --limit 1
answers 4 '"complete":false' find $store --limit 1 --output json
answers 0 'wrote /tmp/x \(900 bytes\)' trace $store --from file:web01//tmp/x --strategy backtracker
answers 0 'created, wrote /tmp/x \(900 bytes, x2\)  <- alert' trace $store --from file:web01//tmp/x
answers 0 '^Ways in considered' trace $store --from record:web01/204
answers 0 '^Story  ' trace $store --from record:web01/204
answers 0 'Way in 1' trace $store --from record:web01/204 --strategy backtracker
answers 0 '^Timeline  ' trace $store --from record:web01/204 --timeline
answers 0 '^Tree  ' trace $store --from record:web01/204 --tree --strategy backtracker
answers 0 '^Tree  ' trace $store --from record:web01/101 --tree --forward
answers 0 '/usr/bin/cat' trace $store --from record:web01/204 --output dot
answers 0 '^</graphml>' trace $store --from record:web01/204 --output graphml
answers 0 '"strategy":"critical"' trace $store --from record:web01/101 --forward --output json
answers 0 'come of the start' trace $store --from record:web01/101 --forward --explain
answers 0 'forward' trace $store --from record:web01/101 --forward --output json
answers 0 '^From   ' trace $store --between record:web01/101 record:web01/204
answers 0 '^The fewest steps' trace $store --between record:web01/101 record:web01/204 --strategy backtracker
answers 1 '^No path' trace $store --between record:web01/204 record:web01/101
answers 1 '"path":false' trace $store --between=record:web01/204 record:web01/101 --output json
answers 0 'way in' trace $store --from record:web01/204 --explain
answers 0 '"why":"' trace $store --from record:web01/204 --explain --output json
answers 0 '^without: file.path like "/tmp/\*"$' trace $store --from record:web01/204 --without 'file.path like "/tmp/*"'
answers 0 '\(1 entity that the walk came to left out, of [0-9]+ events in all\)$' trace $store --from record:web01/204 --without 'file.path like "/tmp/*"'
answers 0 '"without":{"filter":"file.path like .*,"entities":1,"events":[0-9]+}' trace $store --from record:web01/204 --without 'file.path like "/tmp/*"' --output json
answers 4 'scores above' trace $store --from record:web01/204 --budget edges=1
answers 4 '^CUT by the budget of edges' trace $store --from record:web01/204 --strategy backtracker --budget edges=1
answers 4 '"reason":"edges"' trace $store --from record:web01/204 --strategy backtracker --budget edges=1 --output json
answers 0 'sound' store verify $store
jq -e '.schema == "backtrail-verify/1" and (.stores | length == 1) and .stores[0].sound and .stores[0].faults == [] and .stores[0].failure == null
       and (.stores[0].chain.head | length == 64) and .stores[0].chain.root_found_at == .stores[0].chain.changes' \
    < <("$BACKTRAIL" store verify $store --output json --root "$("$BACKTRAIL" store verify $store --output json | jq -r '.stores[0].chain.head')") >/dev/null ||
    fail "verify as JSON"
cp -r case.btr torn.btr
for at in 0 1; do dd if=/dev/zero of=torn.btr/catalog/data.mdb bs=4096 seek=$at count=1 conv=notrunc status=none; done
printf '\xff' | dd of="$(ls torn.btr/segments/*/*.bseg | head -1)" bs=1 seek=900 conv=notrunc status=none
"$BACKTRAIL" store verify --store torn.btr --output json >torn.json 2>torn.err && fail "a torn store is sound"
[ "$(grep -c 'catalog' torn.err)" -eq 1 ] || fail "a damaged catalog is told twice: $(cat torn.err)"
jq -e '.stores[0] | .sound == false and .chain == null and (.failure | length > 0) and (.faults | length > 0)' torn.json >/dev/null || fail "a torn store as JSON: $(cat torn.json)"
answers 0 'web01 .* hole: .*, 94 missing' store gaps $store
answers 0 '^events' store stat $store
answers 0 'write +1$' store stat --by host,source $store
answers 0 'content sha256' store stat --inputs $store
jq -e '.schema == "backtrail-trace/1" and .direction == "backward" and .complete and .alert.spec == "record:web01/204"
       and ([.nodes[] | select(.file.path == "/tmp/x")] | length == 1)
       and ([.edges[] | select(.operation == "write" and .bytes == 900 and .evidence[0].id == "105"
                               and .evidence[0].origin.file == "small.audit.log")] | length == 1)
       and ([.nodes[] | select(.process.pid == 51)] | length == 2) and .stats.closure_nodes == (.nodes | length)' \
    < <("$BACKTRAIL" trace $store --from record:web01/204 --strategy backtracker --evidence all --output json) >/dev/null || fail "the trace as JSON"

jq -e '(.alerts | length) == 2 and .alert.spec == "record:web01/204"' \
    < <("$BACKTRAIL" trace $store --from record:web01/204 --from record:web01/106 --strategy backtracker --output json) >/dev/null || fail "an incident"

# Several stores answer as one; the same question gives the same bytes.
"$BACKTRAIL" ingest --quiet --store other.btr db01=small.audit.log
answers 0 'db01' find $store --store other.btr --kind process
for format in text json dot graphml; do
    "$BACKTRAIL" trace $store --from record:web01/204 --no-stats --output $format >one
    "$BACKTRAIL" trace $store --from record:web01/204 --no-stats --output $format | cmp -s - one || fail "$format: other bytes"
    ! grep -qP '\x1b' one || fail "$format: a terminal's escape in the output"
done

# ---- Help is there for all, with an example
for command in "" ingest find trace store "store stat" "store gaps" "store verify"; do
    answers 0 '^example:' $command --help
done

# ---- Output that cannot be written
status=0
"$BACKTRAIL" trace $store --from record:web01/204 >/dev/full 2>err || status=$?
[ "$status" -eq 3 ] && grep -q 'standard output' err || fail "full disk: $status"
set +o pipefail
"$BACKTRAIL" find $store --output json 2>err | head -c 1 >/dev/null
[ ! -s err ] || fail "a closed pipe is worth no line"

# ---- Completion is bash, and knows the commands
COMP_WORDS=(backtrail tr) COMP_CWORD=1
. "$BTR_SOURCE_DIR/cli/completion/backtrail.bash"
_backtrail
[ "${COMPREPLY[*]}" = trace ] || fail "completion of \"tr\": ${COMPREPLY[*]}"

[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
