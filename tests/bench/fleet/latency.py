#!/usr/bin/env python3
"""usage: latency.py [--merged STORE] BACKTRAIL SAMPLER STORE...   How long answers take, whole process. Stores from small to large.

Of the smallest store a seeded sample of alerts with at most 1,000 result edges is taken, all of site 0; each is traced in
every store. Their closures lie before the cut of the smallest one, so that answers must be equal; and a sample of the
largest store is traced there. Times are of the whole process, its start included. Of the merged store only the answers are compared.
"""
import hashlib
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time

SEED, EDGES_MOST, WARM_RUNS, COLD_ALERTS = 20261123, 1000, 5, 25
ALERTS = 60
PROCESSOR_S, SLOW_MS = 120, 5000 # a process that needs more is ended; what is slow runs once
PATHS = {"one path, on one host": "/var/www/shop/public/uploads/thumb.php", "one path, on every host": "/etc/passwd"}


def run(command):
    """Runs a command without output. Returns wall ms, processor ms, peak MiB, exit status."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)]
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=null)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    return 1000 * wall, 1000 * (usage.ru_utime + usage.ru_stime), usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def drop_cache(store):
    """Takes a store's files out of the page cache."""
    os.sync()
    for folder, _, files in os.walk(store):
        for name in files:
            fd = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


class Bench:
    def __init__(self, backtrail, sampler):
        self.backtrail, self.sampler = backtrail, sampler

    def trace(self, store, alert, *more):
        entity, last_ns = alert
        at = "%d.%09d" % divmod(last_ns, 10**9)
        return [self.backtrail, "trace", "--strategy", "backtracker", "--store", store, "--from", "id:" + entity, "--at", at, "--output", "json", *more]

    def answer(self, store, alert):
        """(edges, digest of them), or None when there are more than wanted or none."""
        done = subprocess.run(self.trace(store, alert, "--no-stats", "--budget", "edges=%d" % EDGES_MOST), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            return None
        edges = json.loads(done.stdout)["edges"]
        if not 1 <= len(edges) <= EDGES_MOST:
            return None
        told = sorted(json.dumps([e[k] for k in ("from", "to", "operation", "first_ns", "last_ns", "count")]) for e in edges)
        return len(edges), hashlib.sha256("\n".join(told).encode()).hexdigest()

    def sample(self, store, tried, *where):
        """{alert: answer} of alerts with small closures, at most ALERTS, among `tried` entities. About one in thirty is one."""
        lines = subprocess.run([self.sampler, store, str(SEED), str(tried), *where], stdout=subprocess.PIPE, check=True, text=True)
        found = {}
        for line in lines.stdout.splitlines():
            entity, _, last_ns = line.split()
            answer = self.answer(store, (entity, int(last_ns)))
            if answer:
                found[(entity, int(last_ns))] = answer
            if len(found) == ALERTS:
                break
        return found

    def differing(self, store, alerts):
        return sum(self.answer(store, alert) != answer for alert, answer in alerts.items())

    def warm(self, name, store, alerts):
        """Prints and returns the median over alerts of each one's median time."""
        runs = {alert: [run(self.trace(store, alert)) for _ in range(WARM_RUNS + 1)][1:] for alert in alerts}
        walls = sorted(statistics.median(r[0] for r in of) for of in runs.values())
        every = sorted(r[0] for of in runs.values() for r in of)
        cpu = statistics.median(r[1] for of in runs.values() for r in of)
        peak = max(r[2] for of in runs.values() for r in of)
        median = statistics.median(walls)
        print("%s warm: median %.2f ms, p99 %.2f ms, most %.2f ms, processor median %.2f ms, peak %.1f MiB (%d alerts x %d runs)"
              % (name, median, every[math.ceil(0.99 * len(every)) - 1], every[-1], cpu, peak, len(alerts), WARM_RUNS), flush=True)
        return median

    def cold(self, name, store, alerts):
        walls = []
        for alert in list(alerts)[:COLD_ALERTS]:
            drop_cache(store)
            walls.append(run(self.trace(store, alert))[0])
        print("%s cold: median %.2f ms, most %.2f ms (%d alerts)" % (name, statistics.median(walls), max(walls), len(walls)), flush=True)

    def find(self, store):
        for what, path in PATHS.items():
            command = [self.backtrail, "find", "--store", store, "--kind", "file", 'file.path == "%s"' % path, "--output", "json"]
            runs = [run(command)]
            if runs[0][0] < SLOW_MS:
                runs = [run(command) for _ in range(WARM_RUNS)]
            print("find %s warm: median %.2f ms, processor %.2f ms, peak %.1f MiB, exit status %d"
                  % (what, statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs), max(r[2] for r in runs), runs[0][3]),
                  flush=True)


def slope(points):
    """Of the least-squares line through (log events, log time)."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    mx, my = statistics.mean(xs), statistics.mean(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)


def events_of(backtrail, store):
    told = subprocess.run([backtrail, "store", "stat", "--store", store], stdout=subprocess.PIPE, check=True, text=True).stdout
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("events "))


def main():
    merged = None
    if sys.argv[1:2] == ["--merged"]:
        merged = sys.argv[2]
        del sys.argv[1:3]
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S)) # children inherit it; a killed one has a status below 0
    bench, stores = Bench(sys.argv[1], sys.argv[2]), sys.argv[3:]
    alerts = bench.sample(stores[0], 3000, "first")
    edges = sorted(answer[0] for answer in alerts.values())
    print("sample: %d alerts of site 0, result edges median %d, most %d" % (len(edges), statistics.median(edges), edges[-1]))
    points, unequal = [], 0
    for store in stores:
        events = events_of(bench.backtrail, store)
        unequal += bench.differing(store, alerts)
        points.append((events, bench.warm("trace in %d events," % events, store, alerts)))
        bench.cold("trace in %d events," % events, store, alerts)
        bench.find(store)
    print("answers that differ between stores: %d" % unequal)
    if merged:
        print("answers that differ after merging: %d" % bench.differing(merged, alerts))
    if len(points) > 1:
        print("log-log slope of the median over the number of events: %.3f" % slope(points))
    everywhere = bench.sample(stores[-1], 1200)
    edges = sorted(answer[0] for answer in everywhere.values())
    print("sample: %d alerts of the whole largest store, result edges median %d, most %d" % (len(edges), statistics.median(edges), edges[-1]))
    bench.warm("trace in the largest, from anywhere,", stores[-1], everywhere)
    bench.cold("trace in the largest, from anywhere,", stores[-1], everywhere)


if __name__ == "__main__":
    main()
