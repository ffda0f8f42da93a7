#!/usr/bin/env python3
"""Counts by operation against an independent count of the raw records: the shipped recording, and one that is not shipped.

usage: counts_test.py BACKTRAIL DATASET_DIR...   (a missing folder is skipped with a line that says so)

The plain count looks at nothing but type=SYSCALL, syscall= and success=. Where one call may be several operations (a read
from a socket is a recv, one from a device moves nothing and is only told) the sums are held against each other.
"""
import collections
import glob
import os
import re
import subprocess
import sys
import tempfile

CALLS = {  # x86-64 numbers of calls that make exactly one counted event each, by operation
    "exec": (59, 322), "exit": (231,), "accept": (43, 288), "rename": (82, 264, 316), "delete": (84, 87, 263),
    "link": (86, 265), "settime": (132, 235, 261, 280), "listen": (50,),
}
SUMS = {  # operations that share calls: what is not one of these is told
    ("read", "recv"): (0, 17, 19, 295, 327, 45, 47, 299, 40, 275, 326),  # sendfile and its like count as the read
    ("write", "send"): (1, 18, 20, 296, 328, 44, 46, 307),
    ("open_read", "open_write", "open_both", "create", "open_denied"): (2, 85, 257, 437, 83, 88, 258, 259, 266, 133),
    ("fork",): (56, 57, 58, 435), ("connect",): (42,), ("bind",): (49,), ("signal",): (62, 200, 234),
}
LINE = re.compile(rb"type=SYSCALL .*? syscall=(\d+) ")


def plain_count(logs):
    count = collections.Counter()
    for log in logs:
        with subprocess.Popen(["zstd", "-dcq", log], stdout=subprocess.PIPE) as unpack:
            for line in unpack.stdout:
                match = LINE.match(line)
                if match:
                    count[int(match.group(1))] += 1
    return count


def told_count(program, folder, logs):
    with tempfile.TemporaryDirectory() as scratch:
        store = os.path.join(scratch, "store")
        subprocess.run([program, "ingest", "--quiet", "--store", store, "--hosts", os.path.join(folder, "hosts.json"), *logs], check=True)
        text = subprocess.run([program, "store", "stat", "--by", "host,source", "--store", store], check=True,
                              capture_output=True, text=True).stdout
    count = collections.Counter()
    for word, number in re.findall(r"^    ([a-z_]+) +(\d+)$", text, re.M):
        count[word] += int(number)
    return count


def check(program, folder):
    logs = sorted(glob.glob(os.path.join(folder, "*.audit.log.zst")))
    plain, told = plain_count(logs), told_count(program, folder, logs)
    faults = []
    for operation, calls in CALLS.items():
        want = sum(plain[c] for c in calls)
        if told[operation] != want:
            faults.append("%s: %d told, %d records" % (operation, told[operation], want))
    for operations, calls in SUMS.items():
        want, have = sum(plain[c] for c in calls), sum(told[o] for o in operations)
        if have > want or want - have > told["told"]:
            faults.append("%s: %d told, %d records" % ("+".join(operations), have, want))
        print("  %-60s %8d of %8d records" % ("+".join(operations), have, want))
    print("%s: %d records of calls, %s" % (os.path.basename(folder), sum(plain.values()), "; ".join(faults) or "counts agree"))
    return faults


def main():
    program, folders = sys.argv[1], sys.argv[2:]
    bad = False
    for folder in folders:
        if not os.path.isdir(folder):
            print("skipped: no %s" % os.path.basename(folder))
            continue
        bad |= bool(check(program, folder))
    sys.exit(bad)


if __name__ == "__main__":
    main()
