#!/usr/bin/env bash
# usage: records.sh TOOLS SITES DAYS OUT DATA...   A fleet as records: OUT/HOST.audit.log for each host, OUT/hosts.json.
# TOOLS: the folder of bench_fleet_records. DATA: recordings (*.audit.log.zst, hosts.json, truth.json); site s has the s-th, and so on in turn.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
[ $# -ge 5 ] || { sed -n '2,3p' "$0" >&2; exit 2; }
tools=$1 sites=$2 days=$3 out=$4
shift 4
data=("$@")
mkdir -p "$out"
rm -f "$out"/*.audit.log
echo '{}' >"$out/hosts.json"

network() { # SITE: as shape.c has it
    if [ "$1" -eq 0 ]; then echo 10.77.0.; else echo "10.$((100 + $1 / 250 % 150)).$(($1 % 250))."; fi
}

for ((site = 0; site < sites; site++)); do
    from=${data[site % ${#data[@]}]}
    suffix=
    [ "$site" -eq 0 ] || suffix=-s$site
    jq -r -f "$here/attack.jq" "$from/truth.json" >"$out/attack"
    jq -s --arg suffix "$suffix" --arg network "$(network "$site")" '
        .[0] + (.[1] | with_entries(.key += $suffix
            | .value.ip |= (if type == "array" then . else [.] end | map(sub("^10\\.77\\.0\\."; $network)))
            | if .value.serial_space then .value.serial_space += $suffix else . end))' \
        "$out/hosts.json" "$from/hosts.json" >"$out/hosts.new"
    mv "$out/hosts.new" "$out/hosts.json"
    for log in "$from"/*.audit.log.zst; do
        host=$(basename "$log" .audit.log.zst)
        for ((day = 0; day < days; day++)); do
            zstd -dcq "$log" | "$tools/bench_fleet_records" "$site" "$day" "$host" "$out/attack"
        done >"$out/$host$suffix.audit.log"
    done
done
rm -f "$out/attack"
