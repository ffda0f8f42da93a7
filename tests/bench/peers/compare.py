#!/usr/bin/env python3
"""usage: compare.py DUMP WORK TOOLS NAMES SPEC...   The same events in ours and in other engines: bytes, load, closures backward (README.md).

DUMP is a folder that bench_dump_events wrote, TOOLS has backtrail and the benches, NAMES are engines with commas between them. Beside the SPECs
a record of a small closure is asked for. Status 1 when an engine finds other nodes than ours. It imports nothing big: the peak of memory that
a process is told for its children begins with its own.
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.append(os.path.join(HERE, "../fleet"))
from latency import drop_cache, run  # noqa: E402

EVENT_SIZE = 64  # dump.h
NODE = re.compile(rb'{"id":"([0-9a-f]{32})"')
EDGES_LEAST, EDGES_MOST, RECORDS_TRIED, OUR_RUNS, PEER_RUNS = 20, 1000, 500, 5, 3


def engine(*arguments):
    """Runs engine.py. Returns its exit status and what it printed, line by line."""
    done = subprocess.run([sys.executable, os.path.join(HERE, "engine.py"), *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


class Ours:
    def __init__(self, tools, dump, store):
        self.backtrail, self.dump, self.store = os.path.join(tools, "backtrail"), dump, store
        self.loader, self.bench = os.path.join(tools, "bench_load_events"), os.path.join(tools, "bench_closure")

    def size(self):
        """All in: segments, catalog, locks. What was merged away and waits for readers of before is not what the store holds."""
        told = subprocess.run([self.backtrail, "store", "stat", "--store", self.store], stdout=subprocess.PIPE, text=True, check=True).stdout
        return sum(int(line.split()[2]) for line in told.splitlines() if line.startswith(("segment bytes", "catalog bytes")))

    def load(self, count):
        shutil.rmtree(self.store, ignore_errors=True)
        wall_ms, cpu_ms, peak, status = run([self.loader, self.dump, self.store])
        if status != 0:
            sys.exit("peers: ours did not load")
        fresh = self.size() / count
        finish_ms, finish_cpu_ms, finish_peak, _ = run([self.backtrail, "store", "compact", "--store", self.store])
        return {"peer": "backtrail", "load_s": wall_ms / 1000, "cpu_s": cpu_ms / 1000, "finish_s": finish_ms / 1000,
                "finish_cpu_s": finish_cpu_ms / 1000, "fresh": fresh, "bytes": self.size() / count, "peak_mib": max(peak, finish_peak)}

    def trace(self, spec, *more):
        return [self.backtrail, "trace", "--strategy", "backtracker", "--store", self.store, "--from", spec, "--output", "json", *more]

    def answer(self, spec, path):
        """Writes the alert and the nodes of the answer, a line each there, which may have gigabytes of edges."""
        with subprocess.Popen(self.trace(spec), stdout=subprocess.PIPE) as child:
            alert = re.search(rb'"alert":({[^}]*})', child.stdout.readline())
            nodes = [found.group(1).decode() for found in map(NODE.match, child.stdout) if found]
        if child.returncode != 0 or not alert:
            sys.exit(f"peers: ours has no answer to {spec}")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"alert": json.loads(alert.group(1)), "nodes": nodes}, file)

    def closures(self, spec):
        drop_cache(self.store)
        cold_ms, _, _, _ = run(self.trace(spec))
        runs = [run(self.trace(spec)) for _ in range(OUR_RUNS)]
        whole = {"peer": "backtrail trace, whole process, its JSON too", "cold_ms": cold_ms, "first_ms": statistics.median(r[0] for r in runs),
                 "cpu_ms": statistics.median(r[1] for r in runs),
                 "peak_mib": max(r[2] for r in runs), "same": True}
        told = subprocess.run([self.bench, self.store, spec, str(OUR_RUNS)], stdout=subprocess.PIPE, text=True, check=True).stdout
        rounds = [json.loads(line) for line in told.splitlines()]
        walk = {"peer": "backtrail, closure alone", "first_ms": rounds[0]["open_ms"] + rounds[0]["walk_ms"],
                "again_ms": min(r["walk_ms"] for r in rounds), "nodes": rounds[0]["nodes"], "same": True}
        return [whole, walk]

    def small(self):
        """A record whose closure is small."""
        for spec in engine("small", self.dump, str(RECORDS_TRIED))[1]:
            done = subprocess.run(self.trace(spec, "--budget", f"edges={EDGES_MOST}"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            if done.returncode == 0 and EDGES_LEAST <= len(json.loads(done.stdout)["edges"]) <= EDGES_MOST:
                return [spec]
        return []


def table_print(rows, columns):
    print(" | ".join(columns))
    for row in rows:
        cells = (row.get(column, "") for column in columns.values())
        print(" | ".join(f"{cell:.3f}".rstrip("0").rstrip(".") if isinstance(cell, float) and cell < 100 else f"{cell:,.0f}"
                         if isinstance(cell, (int, float)) and not isinstance(cell, bool) else str(cell) for cell in cells))
    sys.stdout.flush()


LOAD_COLUMNS = {"engine": "peer", "bytes an event": "bytes", "as loaded": "fresh", "load s": "load_s", "of processors s": "cpu_s", "events/s": "rate",
                "merging s": "finish_s", "of processors": "finish_cpu_s", "peak MiB": "peak_mib"}
CLOSURE_COLUMNS = {"engine": "peer", "cold ms": "cold_ms", "warm, first ms": "first_ms", "of processors": "cpu_ms", "again ms": "again_ms",
                   "peak MiB": "peak_mib", "nodes": "nodes", "fetched": "fetched", "the same nodes": "same"}


def peers_closures(names, dump, work, trace_path):
    rows = []
    for name in names:
        folder = os.path.join(work, name)
        drop_cache(folder)
        _, cold = engine("closure", name, dump, folder, trace_path, "0")
        _, warm = engine("closure", name, dump, folder, trace_path, str(PEER_RUNS))
        if not cold or not warm:
            sys.exit(f"peers: {name} failed")
        rows.append({**json.loads(warm[0]), "cold_ms": json.loads(cold[0])["first_ms"]})
    return rows


def loads(ours, names, dump, work):
    """Prints them. Returns the names of engines that are there."""
    count = os.path.getsize(os.path.join(dump, "events.bin")) // EVENT_SIZE
    rows, there = [ours.load(count)], []
    for name in names:
        status, told = engine("load", name, dump, os.path.join(work, name))
        if status == 0:
            rows.append(json.loads(told[0]))
            there.append(name)
        else:
            print(f"peers: {name} is left out: it could not be loaded", file=sys.stderr)
    print(f"{count:,} events")
    table_print([{**row, "rate": count / row["load_s"]} for row in rows], LOAD_COLUMNS)
    return there


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    dump, work, tools, names, *specs = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    if engine("prepare", dump)[0] != 0:
        sys.exit("peers: the dump cannot be made Parquet")
    ours, differ = Ours(tools, dump, os.path.join(work, "backtrail")), False
    names = loads(ours, names.split(","), dump, work)
    for spec in specs + ours.small():
        trace_path = os.path.join(work, "answer.json")
        ours.answer(spec, trace_path)
        rows = ours.closures(spec) + peers_closures(names, dump, work, trace_path)
        differ |= not all(row["same"] for row in rows)
        print(f"\nbackward from {spec}")
        table_print(rows, CLOSURE_COLUMNS)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
