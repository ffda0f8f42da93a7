#!/usr/bin/env python3
"""kill -9 at random moments of each kind of writer: ingest, the merging beside it, compact, sealing by host, prune,
retention (after a publish, and alone), import, hold add and remove. After each kill the store opens, is sound, and holds
what it held before the command or holds after it; the command given again ends with that; the next writer leaves no
file over. Some 30 kills; 600 with BTR_LONG=1. BTR_SEED repeats a run."""
import collections
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

from kills import killed

BACKTRAIL, DUMP, DUMP_RECORDS, SPREAD = (os.environ[n] for n in ("BACKTRAIL", "BTR_DUMP_STORE", "BTR_DUMP_RECORDS", "BTR_SPREAD_STORE"))
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
WORK = os.environ["BTR_WORK"]
LONG = bool(os.environ.get("BTR_LONG"))
KILLS = 60 if LONG else 3  # of each kind, or so
INPUT_SIZE = 1 << 20 if LONG else 400 << 10  # bytes of text a host
HOSTS = ("web01", "db01", "bast01")
DAYS = 5  # of which one log tells
DAY = 86400
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def fail(what):
    sys.exit(f"{what}; seed {SEED}")


def run(words, statuses=(0,)):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in statuses:
        fail(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def verb(name, path, *more, statuses=(0,)):
    return run([BACKTRAIL, "store", *name.split(), "--store", path, *more], statuses)


def held(path):
    """What a store holds: its events with their kept records, all else that it tells, and its holds without ids and times."""
    lines = sorted(run([DUMP, path]).split(b"\n") + run([DUMP_RECORDS, path, "1"]).split(b"\n"))
    listed = json.loads(verb("hold list", path, "--output", "json", statuses=(0, 1)) or b'{"holds":[]}')
    holds = sorted((h["host"], h["why"]) for h in listed["holds"])
    return hashlib.sha256(b"\n".join(lines)).hexdigest(), len(lines), tuple(holds)


def files(path):
    return {name for _, _, names in os.walk(path) for name in names if name.endswith((".bseg", ".brec", ".tmp"))}


def named(path):
    """Files that the catalog names: those that a copy of the store keeps when a writer opens it with nothing to do."""
    copy = path + ".swept"
    shutil.copytree(path, copy)
    verb("prune", copy, "--before", "0")
    left = files(copy)
    shutil.rmtree(copy)
    return left


class Case:
    """One kind of command: `path` is the store that it begins with, `words` the command on a store."""

    def __init__(self, name, path, words, steps=False, once=False):
        self.name, self.path, self.words = name, path, words
        self.steps = steps  # it is done bit by bit, so that a part of it is neither before nor after
        self.once = once  # given again when it was done, it is refused, or done twice
        self.count = self.rounds = self.done = 0
        self.idle_s = self.until_s = 0


def took(what):
    began = time.monotonic()
    what()
    return time.monotonic() - began


def begin(case, work):
    shutil.rmtree(work, ignore_errors=True)
    if case.path:
        shutil.copytree(case.path, work)


def after_kill(case, work, before, after):
    """@return whether the command was done."""
    seen = subprocess.run([BACKTRAIL, "store", "verify", "--store", work], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if not case.path and b"no store there" in seen.stderr:
        return False
    if seen.returncode != 0:
        fail(f"{case.name}: killed, it is not sound: {seen.stderr.decode(errors='replace')}")
    now = held(work)
    if now not in (before, after) and not case.steps:
        fail(f"{case.name}: killed, it holds neither what it held nor what it is to hold: {now}, {before}, {after}")
    return now == after


def try_one(case, work, before, after, chance):
    begin(case, work)
    case.rounds += 1
    was_killed = killed(case.words(work), chance.uniform(case.idle_s, case.until_s), SEED)
    # A busy machine takes longer now and then: where the moments end follows where the command does.
    case.until_s = max(case.until_s * (1.05 if was_killed else 0.9), case.idle_s * 1.1)
    if not was_killed:
        return
    case.count += 1
    done = after_kill(case, work, before, after)
    case.done += done
    if not done or not case.once:
        run(case.words(work))
    if held(work) != after:
        fail(f"{case.name}: given again, it does not hold what it is to hold: {held(work)}, {after}")
    verb("verify", work)
    if files(work) != named(work):
        fail(f"{case.name}: files are left over: {files(work) ^ named(work)}")


def try_case(case, chance):
    work = os.path.join(WORK, "killed.store")
    begin(case, work)
    before, there = (held(work), files(work)) if case.path else (None, None)
    case.idle_s = took(lambda: run([BACKTRAIL, "--version"])) * 0.7  # nothing happens until then
    case.until_s, after = took(lambda: run(case.words(work))) * 1.1, held(work)
    if before == after and files(work) == there:
        fail(f"{case.name} changes nothing")
    while case.count < KILLS and case.rounds < 8 * KILLS:
        try_one(case, work, before, after, chance)
    shutil.rmtree(work, ignore_errors=True)
    done = f", {case.done} after it was done" if before != after else ""
    print(f"{case.name}: {case.count} kills of {case.rounds}{done}", flush=True)
    return case.count


# ---- Stores -----------------------------------------------------------------------------------------------------------


def logs_make(folder, days):
    """The beginning of each host's log, as often as there are days, a day later each time."""
    os.makedirs(folder)
    for host in HOSTS:
        text = subprocess.run(["zstd", "-dcq", f"{DATA}/{host}.audit.log.zst"], stdout=subprocess.PIPE, check=True).stdout
        text = text[: text.rfind(b"\n", 0, INPUT_SIZE // days) + 1]
        with open(f"{folder}/{host}.audit.log", "wb") as out:
            for day in range(days):
                out.write(re.sub(rb"audit\((\d+)", lambda m, day=day: b"audit(%d" % (int(m[1]) + day * DAY), text))
    return folder


def ingest(path, events, *inputs):
    return [BACKTRAIL, "ingest", "--store", path, "--hosts", f"{DATA}/hosts.json", "--quiet", "--keep-records", "--segment-events", str(events), *inputs]


def many_make(path, logs):
    """Segments of one day that each tell of all hosts, one fewer than a tier makes one of."""
    parts = f"{WORK}/parts"
    os.makedirs(parts)
    for part in range(1, 8):
        for host in HOSTS:
            with open(f"{logs}/{host}.audit.log", "rb") as log:
                text = log.read()
            with open(f"{parts}/{host}.audit.log", "wb") as out:
                out.write(text[: text.rfind(b"\n", 0, len(text) * part // 7) + 1])
        run(ingest(path, 400000, parts))


def cases_make():
    logs, one_day = logs_make(f"{WORK}/logs", DAYS), logs_make(f"{WORK}/one_day", 1)
    whole, small, many = f"{WORK}/whole.store", f"{WORK}/small.store", f"{WORK}/many.store"
    run(ingest(whole, 400000, logs))
    run(ingest(small, 400000, f"{one_day}/web01.audit.log"))
    many_make(many, one_day)
    verb("hold add", whole, "--why", "before", "--host", "none")
    hosts = [line.split(b"\t")[12] for line in run([DUMP, many]).split(b"\n") if line.startswith(b"event")]
    most = max(collections.Counter(hosts).values())
    bag = f"{WORK}/bag.tar"
    run([BACKTRAIL, "store", "export", "--store", whole, bag])
    prune = ["store", "prune", "--keep-days", "2"]
    return [
        Case("ingest", None, lambda w: ingest(w, 700, logs), steps=True),
        Case("merge", None, lambda w: ingest(w, 60, one_day), steps=True),
        Case("compact", many, lambda w: [BACKTRAIL, "store", "compact", "--store", w]),
        Case("by host", many, lambda w: [SPREAD, w, str(most)]),
        Case("prune", whole, lambda w: [BACKTRAIL, *prune, "--store", w]),
        Case("retention", whole, lambda w: [BACKTRAIL, "ingest", "--store", w, "--quiet", "--retention-days", "2", f"{logs}/web01.audit.log"]),
        Case("retention while it reads", None, lambda w: ingest(w, 300, "--retention-days", "2", logs), steps=True),
        Case("import", small, lambda w: [BACKTRAIL, "store", "import", "--store", w, bag]),
        Case("hold add", whole, lambda w: [BACKTRAIL, "store", "hold", "add", "--why", "killed", "--host", "w*", "--store", w], once=True),
        Case("hold remove", whole, lambda w: [BACKTRAIL, "store", "hold", "remove", "1", "--store", w], once=True),
    ]


def main():
    print(f"seed {SEED}", flush=True)
    chance = random.Random(SEED)
    print(f"{sum(try_case(case, chance) for case in cases_make())} kills")


main()
