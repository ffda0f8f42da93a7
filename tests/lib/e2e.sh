#!/usr/bin/env bash
# usage: e2e.sh FOLDER SCRIPT. Runs one end-to-end script in an empty folder of its own, and removes it after success.
set -euo pipefail
work=$1 script=$2
rm -rf "$work"
mkdir -p "$work"
[ -z "${BTR_LONG:-}" ] || echo "long form"
rc=0
(cd "$work" && BTR_WORK=$work bash "$script") || rc=$?
[ "$rc" -ne 77 ] || echo "[  SKIPPED ] $(basename "$script" .sh)" # as cmocka says it; ./dev check collects both
case $rc in 0 | 77) rm -rf "$work" ;; esac
exit "$rc"
