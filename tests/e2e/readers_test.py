#!/usr/bin/env python3
"""Readers ask find and trace all the time while ingest and compact run on the same store, are killed at random moments and meet disks that fail.
Each answer must be that of a store after some number of publishes, which are made one by one before; or status 3 and a line. BTR_SEED repeats a
run, but for what the clock decides."""
import os
import random
import shutil
import sys
import threading
import time

from faults import BACKTRAIL, ERRORS, dump, environment, ingest, inputs_make, must, run, told
from kills import killed

WORK = os.environ["BTR_WORK"]
ROUNDS = 60 if os.environ.get("BTR_LONG") else 4
LOOKS_MAX = 16  # at what snapshots answer
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
QUERIES = (["find", "--output", "json"], ["trace", "--from", "process:web01/1", "--forward", "--output", "json", "--no-stats"])
DISK = (("write", "ENOSPC"), ("write", "EIO"), ("sync", "EIO"), ("rename", "EIO"))


def ask(store, query):
    done = run([BACKTRAIL, *query, "--store", store])
    return done.returncode, done.stdout, told(done)


def snapshots(logs):
    """What each query answers after a number of publishes: a store whose n-th segment cannot be put in its place has those before. Merging goes on
    beside it, so that the n-th may be of a merge, and some numbers of publishes may be passed over."""
    answers, store, count = [set() for _ in QUERIES], os.path.join(WORK, "some.store"), 0
    while True:
        count += 1
        shutil.rmtree(store, ignore_errors=True)
        env = environment(**{"class": "rename"}, at=count, errno=ERRORS["EIO"], lasting=1)
        ended = run(ingest(store, logs), env).returncode == 0
        for number, query in enumerate(QUERIES):
            status, out, _ = ask(store, query)
            if status != 3:
                answers[number].add((status, out))
        if ended:
            return answers, count


class Readers:
    """One thread a query."""

    def __init__(self, store, answers):
        self.stop, self.asked, self.refused, self.wrong, self.seen, self.strange = False, 0, 0, [], set(), set()
        self.threads = [threading.Thread(target=self.loop, args=(store, number, answers[number])) for number in range(len(QUERIES))]
        for thread in self.threads:
            thread.start()

    def loop(self, store, number, answers):
        while not self.stop:
            status, out, line = ask(store, QUERIES[number])
            self.asked += 1
            if status == 3 and line.startswith("backtrail ") and not out:
                self.refused += 1
            elif (status, out) in answers:
                self.seen.add((number, out))
            elif status == 0:
                self.strange.add((number, status, out))
            else:
                self.wrong.append(f"{QUERIES[number][0]}: status {status}, {len(out)} bytes, {line!r}")
                return

    def end(self):
        self.stop = True
        for thread in self.threads:
            thread.join()
        if self.wrong:
            sys.exit(f"no snapshot has this answer: {self.wrong[0]}; seed {SEED}")


def explain(strange, logs):
    """Answers that no snapshot had until now must be those of one that was passed over."""
    for _ in range(LOOKS_MAX):
        if not strange:
            return
        answers, _ = snapshots(logs)
        strange = {(number, status, out) for number, status, out in strange if (status, out) not in answers[number]}
    if strange:
        number, status, out = strange.pop()
        sys.exit(f"no snapshot has this answer: {QUERIES[number][0]}: status {status}, {len(out)} bytes; seed {SEED}")


def disturb(words, whole_s, chance):
    """Runs a command that is killed, or whose disk fails, or neither."""
    kind = chance.randrange(3)
    if kind == 0:
        killed(words, chance.uniform(0, whole_s), SEED)
    elif kind == 1:
        name, error = chance.choice(DISK)
        done = run(words, environment(**{"class": name}, at=chance.randrange(1, 40), errno=ERRORS[error]))
        if done.returncode not in (0, 3):
            sys.exit(f"status {done.returncode}: {told(done)}; seed {SEED}")
    else:
        must(words)


def main():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    logs, plain, store = (os.path.join(WORK, name) for name in ("logs", "plain.store", "store"))
    inputs_make(logs, ("web01", "db01", "bast01"), 4, 240000)
    began = time.monotonic()
    must(ingest(plain, logs))
    whole_s, want = time.monotonic() - began, dump(plain)
    answers, count = snapshots(logs)
    asked = refused = 0
    seen = set()
    for _ in range(ROUNDS):
        shutil.rmtree(store, ignore_errors=True)
        readers = Readers(store, answers)
        for _ in range(4):
            disturb(ingest(store, logs), whole_s, chance)
        must(ingest(store, logs))
        for _ in range(2):
            disturb([BACKTRAIL, "store", "compact", "--store", store], whole_s, chance)
        readers.end()
        explain(readers.strange, logs)
        asked, refused, seen = asked + readers.asked, refused + readers.refused, seen | readers.seen
        if dump(store) != want:
            sys.exit(f"the store holds something else; seed {SEED}")
        must([BACKTRAIL, "store", "verify", "--store", store])
    print(f"{asked} questions over {ROUNDS} stores of {count - 1} segments: {refused} refused, {len(seen)} different answers, each of a snapshot")


main()
