#!/usr/bin/env bash
# usage: man.sh FOLDER. Every manual page renders without a warning.
set -euo pipefail
rc=0
for page in "$1"/*.1; do
    warnings=$(groff -man -Tutf8 -ww -z "$page" 2>&1) || rc=1
    [ -z "$warnings" ] || { echo "$warnings"; rc=1; }
done
exit "$rc"
