#!/usr/bin/env python3
"""Reads that came to the end of a file (flag ENDS) against a plain look at the raw records, which share no code with the program.

usage: ends_test.py BACKTRAIL DATASET_DIR...   (a missing folder is skipped with a line that says so)

A record of read(2) or pread64(2) that gave something, but less than was asked for, is a short one. All events with the flag are of
short ones, none is of a file that the kernel makes up, and every short read of a name that PATH records always call a regular file has it.
"""
import collections
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import read_segment  # noqa: E402

READ, IMPLIED, ENDS, FILE_PATH = 1, 2, 32, 15  # of base/include/btr/event.h
REGULAR = 0o10  # of st_mode
CALL = re.compile(rb"type=SYSCALL msg=audit\([0-9.]+:(\d+)\): arch=c000003e syscall=(?:0|17) success=yes exit=(\d+) a0=\w+ a1=\w+ a2=(\w+) ")
PATH = re.compile(rb'type=PATH .* name="(?:[^"]*/)?([^"/]+)" .* mode=0?(\d+) ')


def plain(log):
    """Serials of short reads, and the types of files by the last part of their names."""
    short, types = set(), collections.defaultdict(set)
    with subprocess.Popen(["zstd", "-dcq", log], stdout=subprocess.PIPE) as unpack:
        for line in unpack.stdout:
            call, path = CALL.match(line), PATH.match(line)
            if call and 0 < int(call[2]) < int(call[3], 16):
                short.add(int(call[1]))
            elif path:
                types[path[1]].add(int(path[2], 8) >> 12)
    return short, types


def told(program, folder, logs):
    """Reads with a record: host, serial, flags, path of the object (None when it is no file)."""
    with tempfile.TemporaryDirectory() as scratch:
        store = os.path.join(scratch, "store")
        subprocess.run([program, "ingest", "--quiet", "--store", store, "--hosts", os.path.join(folder, "hosts.json"), *logs], check=True)
        for segment in glob.glob(os.path.join(store, "segments", "*", "*.bseg")):
            reads, paths = [], {}
            for row in read_segment.lines_of(segment):
                if "operation" in row and "subject" in row and row["operation"] == READ:
                    reads.append(row)
                elif "attributes" in row:
                    paths.update((row["entity"], a[2]) for a in row["attributes"] if a[0] == FILE_PATH)
            for e in reads:
                yield e["host"].decode(), e["record"], e["flags"], paths.get(e["object"])


def check(program, folder):
    logs = sorted(glob.glob(os.path.join(folder, "*.audit.log.zst")))
    known = {os.path.basename(log).split(".")[0]: plain(log) for log in logs}
    faults, flagged, owed, reads = [], 0, 0, 0
    for host, serial, flags, path in told(program, folder, logs):
        short, types = known[host]
        made_up = path is not None and (b"/proc/" in path or b"/sys/" in path)
        reads += 1
        flagged += bool(flags & ENDS)
        if flags & ENDS and (serial not in short or path is None or made_up):
            faults.append("%s:%d has the flag: %s" % (host, serial, path))
        if serial in short and path is not None and types[path.rpartition(b"/")[2]] == {REGULAR} and not made_up and not flags & IMPLIED:
            owed += 1
            if not flags & ENDS:
                faults.append("%s:%d has no flag: %s" % (host, serial, path))
    if flagged < 1000 or owed < flagged * 9 // 10:
        faults.append("%d have the flag, %d of them by the plain look" % (flagged, owed))
    print("%s: %d reads, %d came to the end of a file, %d by the plain look" % (os.path.basename(folder), reads, flagged, owed))
    for fault in faults[:20]:
        print(fault)
    return faults


def main():
    bad = False
    for folder in sys.argv[2:]:
        if os.path.isdir(folder):
            bad |= bool(check(sys.argv[1], folder))
        else:
            print("skipped: no %s" % os.path.basename(folder))
    sys.exit(bad)


main()
