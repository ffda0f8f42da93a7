#!/usr/bin/env bash
# What was erased on the shipped recording, and what remains, against its truth.
set -euo pipefail
data=$BTR_SOURCE_DIR/datasets/web_cmdi
cd "$BTR_WORK"
"$BACKTRAIL" ingest --store case.btr --hosts "$data/hosts.json" "$data"/*.audit.log.zst
for alert in early middle late; do
    spec=$(python3 -c "
import json, sys
print(*('record:%s/%s' % (a['host'], a['serial']) for a in json.load(open(sys.argv[1]))['alerts'] if a['name'] == sys.argv[2]))" \
        "$data/truth.json" "$alert")
    "$BACKTRAIL" loss --store case.btr --from "$spec" --assets "$data/assets.yaml" --output json >"$alert.json"
    python3 "$BTR_SOURCE_DIR/tests/e2e/loss_erased.py" "$data/truth.json" "$alert.json"
done
"$BACKTRAIL" loss --store case.btr --from "$spec" --assets "$data/assets.yaml" >late.txt
grep -A1 "pic121.jpg" late.txt | grep -q "deleted (T1070.004) by sh -c rm -f"
sed -n '/^Still there/,$p' late.txt | grep -A1 "thumb.php" | grep -q "webshell (T1505.003)"
if grep -q "$(printf '\033')" late.txt; then
    echo "control bytes in a text that goes to no terminal"
    exit 1
fi
echo "ok: all that was erased and all that remains is told, from each alert"
