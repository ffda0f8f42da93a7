#!/usr/bin/env bash
# usage: e2e.sh FOLDER SCRIPT. Runs one end-to-end script in an empty folder of its own, and removes it after success.
set -euo pipefail
work=$1 script=$2
rm -rf "$work"
mkdir -p "$work"
[ -z "${BTR_LONG:-}" ] || echo "long form"
rc=0
(cd "$work" && BTR_WORK=$work bash "$script") || rc=$?
[ "$rc" -ne 0 ] || rm -rf "$work"
exit "$rc"
