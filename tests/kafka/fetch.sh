#!/usr/bin/env bash
# usage: fetch.sh VERSION. Leaves the jars of that broker in the cache, each with the SHA-256 that jars-VERSION.sha256
# states. Where they are there, nothing is touched and no network is needed.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
version=${1:?usage: fetch.sh VERSION}
sums=$here/jars-$version.sha256
cache=${XDG_CACHE_HOME:-$HOME/.cache}/backtrail/kafka-$version
die() { printf 'kafka %s: %s\n' "$version" "$*" >&2; exit 1; }

# Exactly the jars of the list, each as stated.
whole() {
    [ -d "$1" ] && diff -q <(cd "$1" && ls -- *.jar 2>/dev/null) <(awk '{print $2}' "$sums") >/dev/null &&
        (cd "$1" && sha256sum --check --strict --quiet "$sums" >/dev/null 2>&1)
}

fetch() {
    local program said
    for program in java mvn; do
        command -v $program >/dev/null || die "the jars are not in $cache, and $program is not installed to fetch them"
    done
    mkdir -p "$fresh"
    printf '== kafka %s: fetching %s jars into %s\n' "$version" "$(wc -l <"$sums")" "$cache" >&2
    said=$(timeout 900 mvn --batch-mode --file "$here/pom.xml" --activate-profiles "$version" \
        dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh" 2>&1) ||
        die "maven could not fetch the jars: $(tail -n 20 <<<"$said")"
    whole "$fresh" || {
        (cd "$fresh" && sha256sum --check --strict --quiet "$sums" >&2) || true
        die "what was fetched is not what jars-$version.sha256 states; nothing is kept"
    }
    rm -rf "$cache"
    mv "$fresh" "$cache"
}

[ -f "$sums" ] || die "no such version here: $(cd "$here" && echo jars-*.sha256)"
fresh=$cache.fetching.$$
trap 'rm -rf "$fresh"' EXIT
if ! whole "$cache"; then
    mkdir -p "${cache%/*}"
    exec 9>"$cache.lock" # of two that find nothing, one fetches
    flock 9
    whole "$cache" || fetch
fi
# With the classes laid out beforehand a start takes half the time; without, it is only slower.
[ -f "$cache/classes.jsa" ] || ! command -v java >/dev/null || python3 "$here/node.py" archive "$cache" ||
    printf '== kafka %s: no archive of its classes, starts are slower\n' "$version" >&2
