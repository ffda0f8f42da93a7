#!/usr/bin/env bash
# The generator of fleets: the same arguments give the same segments, another place gives other hosts, the attack is told once,
# and site 0 on day 0 is the recording.
set -euo pipefail
for tool in jq zstd; do command -v $tool >/dev/null || { echo "skip: $tool is not installed"; exit 77; }; done
data=$BTR_SOURCE_DIR/datasets/web_cmdi
bench=$BTR_SOURCE_DIR/tests/bench/fleet

fail() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

# A piece of the recording with the attack's beginning in it: two hosts, 50 s.
mkdir piece
for host in web01 bast01; do
    zstd -dcq "$data/$host.audit.log.zst" | awk -F'[(:.]' '$2 < 1795424285' >"piece/$host.audit.log"
    zstd -q --rm "piece/$host.audit.log" -o "piece/$host.audit.log.zst"
done
jq '{web01, bast01}' "$data/hosts.json" >piece/hosts.json
jq '(.attack_processes, .critical_events) |= map(select(.host != "db01"))' "$data/truth.json" >piece/truth.json
jq -r -f "$bench/attack.jq" piece/truth.json >attack
"$BACKTRAIL" ingest --store recording --hosts piece/hosts.json piece/*.zst 2>err || fail "ingest: $(cat err)"

fleet() { "$BTR_FLEET" "$@" --sites 3 --days 2 recording,attack; }
segments() { (cd "$1" && find segments -type f | sort | xargs sha256sum); }

fleet --store one >one.json
fleet --store two >two.json
segments one >one.segments
segments two >two.segments
[ -s one.segments ] || fail "no segments"
cmp one.segments two.segments || fail "the same arguments gave other segments"
[ "$(fleet --digest | jq -r .digest)" = "$(fleet --digest | jq -r .digest)" ] || fail "the same arguments gave other batches"
[ "$(fleet --digest | jq -r .digest)" != "$(fleet --digest --events 1000 | jq -r .digest)" ] || fail "the digest tells nothing"
"$BACKTRAIL" store verify --store one >verify.out 2>&1 || fail "verify: $(cat verify.out)"

# Site 0 on day 0 is the recording: every field, ids of entities too, all but the name of the input.
"$BTR_FLEET" --store same --sites 1 recording,attack >same.json
for store in recording same; do
    "$BTR_DUMP_STORE" $store | grep -E '^(event|entity)' | awk -F'\t' -v OFS='\t' '$1 == "event" { $15 = "" } { print }' | sort >$store.dump
done
cmp recording.dump same.dump || fail "site 0 on day 0 is not the recording"

# Hosts and their days. What was told of the attack was told once: a clone has as many events less.
"$BTR_DUMP_STORE" one | grep ^event | cut -f 13 | sort | uniq -c | awk '{ print $2, $1 }' >hosts
[ "$(cut -d' ' -f1 hosts | paste -sd' ')" = "bast01 bast01-s1 bast01-s2 web01 web01-s1 web01-s2" ] || fail "hosts: $(cat hosts)"
count() { awk -v host="$1" '$1 == host { print $2 }' hosts; }
[ "$(count web01-s1)" -eq "$(count web01-s2)" ] || fail "two clones differ in size: $(cat hosts)"
[ "$(count web01)" -gt "$(count web01-s1)" ] || fail "the attack was not left out: $(cat hosts)"
alert=$(jq -r '[.alerts[] | select(.stage == "early")][0] | "\(.host)/\(.serial)"' piece/truth.json)
"$BACKTRAIL" trace --strategy backtracker --store recording --from "record:$alert" --output json --no-stats >recording.json
"$BACKTRAIL" trace --strategy backtracker --store one --from "record:$alert" --output json --no-stats >one.json
edges() { jq -c '[.edges[] | [.from, .to, .operation, .first_ns, .last_ns, .count]] | sort' "$1"; }
[ "$(edges recording.json | jq length)" -gt 10 ] || fail "the alert has no answer"
[ "$(edges recording.json)" = "$(edges one.json)" ] || fail "the alert has another answer in the fleet"
! "$BACKTRAIL" find --store one --kind process --output json 'host.name != "web01" and process.command_line like "*ping -c 1 -W 1 db01;id*"' \
    >found.json || fail "a clone tells of the attack: $(cat found.json)"

# Two clones of one recording have answers of one shape, from their second days back through their first.
shape() {
    "$BACKTRAIL" trace --strategy backtracker --store one --from "file:web01-s$1//var/log/nginx/access.log" --output json --no-stats >shape.json
    jq -c '[(.nodes | map(.kind + " " + (.file.path // "")) | map(select(test("^file /(etc|usr)/"))) | sort),
            (.edges | map(.operation) | group_by(.) | map([.[0], length]))]' shape.json
}
shape 1 >shape.1
[ "$(jq '.edges | length' shape.json)" -gt 10 ] || fail "no answer in a clone"
shape 2 >shape.2
cmp shape.1 shape.2 || fail "two clones have different answers"

# Joined at common files: a file is one for all, a process is not.
"$BTR_FLEET" --store joined --explosion --sites 3 recording >joined.json
named() { "$BACKTRAIL" find --store joined --kind "$1" --output json "$2" | jq '.entities | length'; }
[ "$(named file 'file.path == "/etc/passwd"')" -eq 1 ] || fail "a common file is not joined"
[ "$(named process 'process.name == "nginx" and host.name like "web01*"')" -ge 3 ] || fail "processes are joined"

# The fleet as records is decoded to the last one, and to as many events (what a record makes may depend on what was before it).
"$bench/records.sh" "$(dirname "$BTR_FLEET")" 2 2 records piece
"$BACKTRAIL" ingest --store decoded --hosts records/hosts.json records/*.log 2>err || fail "ingest of records: $(cat err)"
grep -q ' 0 undecoded, ' err || fail "records were not understood: $(cat err)"
# Of the hosts that count together some are not there, and the clones lack the attack: numbers are missing, and nothing else.
"$BACKTRAIL" store gaps --store decoded >gaps
! grep -v ' shared: numbers are missing from a sequence that hosts share' gaps >other || fail "gaps of another kind: $(head -3 other)"
"$BTR_FLEET" --null --sites 2 --days 2 recording,attack | jq .events >wanted
got=$("$BACKTRAIL" store stat --store decoded | awk '$1 == "events" { print $2 }')
[ $((got * 1000)) -gt $(($(cat wanted) * 995)) ] && [ $((got * 1000)) -lt $(($(cat wanted) * 1005)) ] ||
    fail "records make $got events, $(cat wanted) were expected"

# Refused, with the place.
echo "web01 1 2" >bad
if "$BTR_FLEET" --null recording,bad 2>err; then fail "a bad attack file was taken"; fi
grep -q 'bad:1: not "HOST PID FIRST LAST"' err || fail "no place: $(cat err)"
rc=0
"$BTR_FLEET" --null --sites 0 recording 2>err || rc=$?
[ "$rc" -eq 2 ] || fail "no sites: status $rc"
echo "fleet: $(jq .events two.json) events alike, $got of records"
