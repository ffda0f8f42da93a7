#!/usr/bin/env python3
"""A log that is read in two parts, as it grew, against the same log read at once: the same events, one by one. What an open
descriptor may have carried (an interval) is cut where the first run ended, so its pieces are put together before they are
compared. Then counts by operation and the closures of the recording's alerts must be the same. Where intervals are many, a cut may
leave out of a closure what is in it at once: two names of one file, joined for the whole of an interval although one came in its middle."""
import collections
import json
import os
import re
import subprocess
import sys

BACKTRAIL, DUMP = os.environ["BACKTRAIL"], os.environ["BTR_DUMP_STORE"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
WORK = os.environ["BTR_WORK"]
MOVES = {b"%d" % n for n in (0, 1, 17, 18, 19, 20, 40, 44, 45, 46, 47, 295, 296, 299, 307, 326, 327, 328)}  # reads, writes and their like
INTERVAL = 1  # of the flags in a dump


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(words)}: status {done.returncode}")
    return done.stdout


def ingest(store, paths):
    run(BACKTRAIL, "ingest", "--quiet", "--store", store, "--hosts", f"{DATA}/hosts.json", *paths)


def dump(store):
    """All but intervals as a multiset; intervals by what they are of, as the times that they cover."""
    instants, intervals = collections.Counter(), collections.defaultdict(list)
    for line in run(DUMP, store).decode(errors="replace").splitlines():
        f = line.split("\t")
        if f[0] == "entity":
            instants["\t".join(f[:6] + f[7:])] += 1  # less the number of its events: pieces count
        elif f[0] != "event":
            instants[line] += f[0] != "input"
        elif int(f[11]) & INTERVAL:
            intervals[tuple(f[1:5] + f[7:])].append((int(f[5]), int(f[6])))
        elif f[1] == "same":  # two names of a file, joined by an access: what is cut of an interval moves its beginning
            instants["\t".join(f[:5] + f[6:])] += 1
        else:
            instants[line] += 1
    return instants, {key: covered(pieces) for key, pieces in intervals.items()}


def covered(pieces):
    """Pieces that meet are one."""
    whole = []
    for first, last in sorted(pieces):
        if whole and first <= whole[-1][1]:
            whole[-1][1] = max(whole[-1][1], last)
        else:
            whole.append([first, last])
    return whole


def counts(store):
    text = run(BACKTRAIL, "store", "stat", "--by", "host,source", "--store", store).decode()
    return set(re.findall(r"^    [a-z_]+ +\d+$", text, re.M))


def closure(store, alert):
    text = run(BACKTRAIL, "trace", "--store", store, "--from", f"record:{alert['host']}/{alert['serial']}", "--strategy", "backtracker",
               "--evidence", "all", "--output", "json", "--no-stats")
    trace = json.loads(text)
    cited = {(r["host"], r["id"]) for e in trace["edges"] for r in e["evidence"]}
    return {n["id"] for n in trace["nodes"]}, cited


def differ(what, got, want):
    print(f"{what}: {len(got - want)} more, {len(want - got)} less")
    for sign, items in (("more", got - want), ("less", want - got)):
        for item in sorted(items)[:8]:
            print(f"  {sign}: {item}")
    return 1


def without_moves(text):
    """The log as rules write it that do not tell reads and writes: descriptors then have intervals."""
    moves = set(re.findall(rb"^type=SYSCALL msg=(audit\(\S+\)): arch=\S+ syscall=(?:%s) " % b"|".join(MOVES), text, re.M))
    return b"".join(line for line in text.splitlines(keepends=True) if line.split(b" ", 2)[1][4:-1] not in moves)


def stores_make(name, logs):
    """One store of logs that were read in two parts, and one of the same at once."""
    folder = os.path.join(WORK, name)
    os.mkdir(folder)
    stores = os.path.join(folder, "in_parts.store"), os.path.join(folder, "at_once.store")
    paths = {host: os.path.join(folder, f"{host}.audit.log") for host in logs}
    for host, text in logs.items():
        with open(paths[host], "wb") as out:  # the cut stands within an event of several records
            out.write(text[: text.index(b"\ntype=PATH", len(text) // 2) + 1])
    ingest(stores[0], paths.values())
    for host, text in logs.items():
        with open(paths[host], "wb") as out:
            out.write(text)
    ingest(stores[0], paths.values())
    ingest(stores[1], paths.values())
    return stores


def check(name, logs, alerts, exact):
    in_parts, at_once = stores_make(name, logs)
    faults = 0
    (got, got_intervals), (want, want_intervals) = dump(in_parts), dump(at_once)
    if got != want:
        faults += differ("events", set((got - want).elements()), set((want - got).elements()))
    if got_intervals != want_intervals:
        faults += differ("intervals", {(k, str(v)) for k, v in got_intervals.items()}, {(k, str(v)) for k, v in want_intervals.items()})
    if counts(in_parts) != counts(at_once):
        faults += differ("counts", counts(in_parts), counts(at_once))
    for alert in alerts:
        for what, a, b in zip(("nodes", "records"), closure(in_parts, alert), closure(at_once, alert)):
            if a != b and (exact or not a <= b or len(b - a) > len(b) / 100):
                faults += differ(f"{alert['name']} alert, {what}", a, b)
    print(f"{name}: {sum(want.values())} events, {len(want_intervals)} intervals, {len(alerts)} closures, {faults} faults")
    return faults


def main():
    with open(f"{DATA}/truth.json", encoding="utf-8") as f:
        alerts = json.load(f)["alerts"]
    logs = {host: run("zstd", "-dcq", f"{DATA}/{host}.audit.log.zst") for host in ("web01", "bast01")}
    faults = check("as_recorded", logs, alerts, True)
    logs = {host: without_moves(text) for host, text in logs.items()}
    faults += check("without_moves", logs, [a for a in alerts if a["syscall"] != "sendfile"], False)
    sys.exit(1 if faults else 0)


main()
