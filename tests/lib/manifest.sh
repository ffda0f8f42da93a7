#!/usr/bin/env bash
# usage: manifest.sh FOLDER. Checks that a dataset holds exactly the files of its manifest, byte for byte.
set -euo pipefail
cd "$1"
rc=0
listed=" manifest "
while read -r digest size name; do
    [[ $digest =~ ^[0-9a-f]{64}$ ]] || continue
    listed+="$name "
    [ "$(stat -c %s "$name")" = "$size" ] || { echo "$1/$name: size differs from the manifest" >&2; rc=1; }
    [ "$(sha256sum <"$name" | cut -d' ' -f1)" = "$digest" ] || { echo "$1/$name: digest differs" >&2; rc=1; }
done <manifest
for name in *; do
    [[ $listed == *" $name "* ]] || { echo "$1/$name: not in the manifest" >&2; rc=1; }
done
exit "$rc"
