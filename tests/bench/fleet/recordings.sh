# Sourced by benches of fleets: the recordings that there are, each as a store and its attack.
# Wants $here (tests/bench), $work, $lab, $BACKTRAIL. Makes the array `recordings`, arguments for bench_fleet.

# recording NAME FOLDER: its store and its attack; prints the argument for bench_fleet.
recording() {
    local store=$work/$1.btr
    rm -rf "$store"
    "$BACKTRAIL" ingest --store "$store" --hosts "$2/hosts.json" "$2"/*.audit.log.zst 2>/dev/null
    jq -r -f "$here/fleet/attack.jq" "$2/truth.json" >"$work/$1.attack"
    echo "$store,$work/$1.attack"
}

recordings=("$(recording web_cmdi "$here/../../datasets/web_cmdi")")
for name in ssh_lateral container_escape shellshock_twostage; do
    [ ! -d "$lab/$name" ] || recordings+=("$(recording $name "$lab/$name")")
done
