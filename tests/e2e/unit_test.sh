#!/usr/bin/env bash
# What `cmake --install` leaves for a service manager: a unit that systemd finds sound and tight, the program that it names, and
# an example that the program's own check reads.
set -euo pipefail
command -v systemd-analyze >/dev/null || { echo "skip: systemd-analyze is not installed"; exit 77; }
prefix=$BTR_WORK/usr
cmake --install "$BTR_BINARY_DIR" --prefix "$prefix" >/dev/null
unit=$prefix/lib/systemd/system/backtrail.service

grep -qx "ExecStart=$prefix/bin/backtrail daemon --config /etc/backtrail/backtrail.conf" "$unit"
said=$(systemd-analyze verify --man=no "$unit" 2>&1) || { echo "$said"; exit 1; }
# Of the unit itself nothing is to be said; what else the machine has is not ours.
! grep -F backtrail <<<"$said" || exit 1

# 0 is tightest, 100 open. What remains is the network, which it is there for, and its own user's rights.
systemd-analyze security --offline=yes --threshold=25 --no-pager "$unit" >security || { cat security; exit 1; }
for setting in NoNewPrivileges=yes ProtectSystem=strict "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX" User=backtrail \
    UMask=0077 CapabilityBoundingSet= "SystemCallFilter=@system-service" Type=notify StateDirectory=backtrail; do
    grep -qx "$setting" "$unit" || { echo "the unit lacks $setting"; exit 1; }
done
grep -q '^MemoryMax=' "$unit" && grep -q '^WatchdogSec=' "$unit"
grep -q '^u backtrail ' "$prefix/lib/sysusers.d/backtrail.conf"
test -s "$prefix/share/doc/backtrail/examples/backtrail.conf"
"$prefix/bin/backtrail" --version >/dev/null

# What is wrong must show: an option that there is not, and rights that are left open.
sed 's/^ProtectHome=yes/ProtectHouse=yes/' "$unit" >backtrail-wrong.service
systemd-analyze verify --man=no "$PWD/backtrail-wrong.service" 2>&1 | grep -q ProtectHouse
sed '/^CapabilityBoundingSet=/d; /^NoNewPrivileges=/d; /^Protect/d; /^Private/d; /^Restrict/d; /^SystemCall/d' "$unit" >backtrail-open.service
! systemd-analyze security --offline=yes --threshold=25 --no-pager "$PWD/backtrail-open.service" >/dev/null 2>&1
