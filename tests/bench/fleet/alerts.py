#!/usr/bin/env python3
"""usage: alerts.py BACKTRAIL SAMPLER STORE [SPEC...]   What `critical` takes for alerts at random, whole process, warm.

ALERTS processes and files of the store, seeded, and the alerts that SPEC names. Prints median, p99 and worst of time, edges and
memory; then what budgets of time find: whether the answer has a whole chain, from the alert to its first way in, and how long it took.
"""
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

SEED, ALERTS, BUDGETED, BUDGETS_MS, LONGEST_S = 20261130, 200, 40, (20, 50, 100, 200), 120


def run(command, out):
    """Wall ms, peak MiB, exit status."""
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ,
                           file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    return 1000 * (time.perf_counter() - began), usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def traced(command):
    with tempfile.TemporaryFile() as out:
        ms, mib, status = run(command, out)
        out.seek(0)
        text = out.read()
    return ms, mib, json.loads(text) if status in (0, 4) else None


def has_chain(answer):
    """Whether its most likely way in is joined to the alert by its edges."""
    ways = [e["entity"] for e in answer["entries"] if e["score"] > 0]
    if not ways:
        return False
    into = {}
    for e in answer["edges"]:
        into.setdefault(e["to"], []).append(e["from"])
    seen, queue = set(), [answer["alert"]["entity"]]
    while queue:
        at = queue.pop()
        if at not in seen:
            seen.add(at)
            queue += into.get(at, [])
    return ways[0] in seen


def told(word, values, unit):
    values = sorted(values)
    print("%s: median %.1f, p99 %.1f, worst %.1f %s" % (word, statistics.median(values), values[math.ceil(0.99 * len(values)) - 1], values[-1], unit))


def main():
    backtrail, sampler, store, *specs = sys.argv[1:]
    picked = subprocess.run([sampler, store, str(SEED), str(ALERTS)], stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")
    alerts = [["--from", "id:" + entity, "--at", "%d.%09d" % divmod(int(last), 10**9)] for entity, _, last in (line.split() for line in picked if line)]
    alerts += [["--from", spec] for spec in specs]
    base = [backtrail, "trace", "--store", store, "--output", "json", "--no-stats", "--max-s", str(LONGEST_S)]
    subprocess.run([*base, *alerts[0]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    rows = []
    for alert in alerts:
        traced([*base, *alert])  # the pages that it reads come into memory
        rows.append(traced([*base, *alert]))
    whole = [row for row in rows if row[2]]
    print("alerts: %d, of which %d had no answer" % (len(rows), len(rows) - len(whole)))
    told("whole answer", [row[0] for row in whole], "ms")
    told("edges", [len(row[2]["edges"]) for row in whole], "")
    told("memory", [row[1] for row in whole], "MiB")
    print("with a whole chain to a way in: %d" % sum(has_chain(row[2]) for row in whole))
    for budget in BUDGETS_MS:
        cut = [traced([*base, *alert, "--budget", f"time={budget}ms"]) for alert in alerts[:BUDGETED] + alerts[ALERTS:]]
        chains = sum(bool(row[2]) and has_chain(row[2]) for row in cut)
        over = [row[0] - budget for row in cut]
        print("budget of %d ms, %d alerts: median %.1f ms, worst %.1f ms; %d over by more than 10 %% or 5 ms; a whole chain in %d"
              % (budget, len(cut), statistics.median(row[0] for row in cut), max(row[0] for row in cut),
                 sum(more > max(0.1 * budget, 5) for more in over), chains))


main()
