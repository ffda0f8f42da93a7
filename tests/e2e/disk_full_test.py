#!/usr/bin/env python3
"""Ingest and merging on a disk that fills up. First one that is made up: so many bytes can be written, then no more, for budgets all over
the range. Then, where one can be mounted, a real one of few megabytes: filled to its last byte, read from while it is full, also without
lock.mdb, and ingested to again when it has grown. BTR_SEED repeats a run."""
import os
import random
import shutil
import subprocess
import sys

from faults import BACKTRAIL, dump, environment, ingest, inputs_make, must, run, told

WORK = os.environ["BTR_WORK"]
LONG = bool(os.environ.get("BTR_LONG"))
BUDGETS = 200 if LONG else 12
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
NAMESPACE = "BTR_IN_NAMESPACE"  # set once this runs in a mount namespace of its own


def check(holds, what):
    if not holds:
        sys.exit(f"{what}; seed {SEED}")


def answers(store):
    """What find, trace and stat say of a store, with their status."""
    queries = (["find", "--output", "json"], ["trace", "--from", "process:web01/1", "--forward", "--output", "json", "--no-stats"],
               ["store", "gaps"], ["store", "verify"])
    told_by = []
    for words in queries:
        done = run([BACKTRAIL, *words, "--store", store])
        check(done.returncode in (0, 1, 2), f"{words}: status {done.returncode}: {told(done)}")
        told_by.append((done.returncode, done.stdout.replace(store.encode(), b"STORE")))
    return told_by


def stopped_well(done, store):
    """A run that met the end of the disk: one line that names what had no room."""
    text = told(done)
    check(done.returncode == 3, f"status {done.returncode}: {text}")
    check("\n" not in text and store in text and ("No space left" in text or "no space left" in text), f"not one line that names it: {text!r}")


def size_of(store):
    """Bytes of whole pages."""
    return sum((os.path.getsize(os.path.join(folder, name)) + 4095) // 4096 * 4096 for folder, _, names in os.walk(store) for name in names)


def budgets(logs, want):
    """As bytes are written: a store of a certain size, at any byte of it."""
    log = os.path.join(WORK, "log")
    store = os.path.join(WORK, "budget.store")
    chance = random.Random(SEED)
    whole = size_of(want[0])
    stops = 0
    for _ in range(BUDGETS):
        shutil.rmtree(store, ignore_errors=True)
        budget = chance.randrange(1, whole * 3)
        done = run(ingest(store, logs), environment(budget=budget, log=log))
        if done.returncode == 0:
            check(dump(store) == want[1], f"budget {budget}: the store holds something else")
            continue
        stops += 1
        stopped_well(done, store)
        if b"no store there" not in run([BACKTRAIL, "store", "verify", "--store", store]).stderr:
            answers(store)
            must([BACKTRAIL, "store", "verify", "--store", store])
        must(ingest(store, logs))
        check(dump(store) == want[1], f"budget {budget}: after the same command again the store holds something else")
        done = run([BACKTRAIL, "store", "compact", "--store", store], environment(budget=budget // 20, log=log))
        check(done.returncode in (0, 3), f"compact: status {done.returncode}: {told(done)}")
        check(dump(store) == want[1], f"budget {budget}: after compact the store holds something else")
    print(f"{stops} of {BUDGETS} runs met the end of a made up disk, and went on after it")


# ---- A real one ----------------------------------------------------------------------------------


def mounted(folder, options):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], stderr=subprocess.DEVNULL, check=False).returncode == 0


def fill(folder):
    """Takes every block that is left."""
    with open(os.path.join(folder, "ballast"), "ab", buffering=0) as out:
        size = 1 << 20
        while size > 0:
            try:
                out.write(b"x" * size)
            except OSError:
                size //= 2
    check(os.statvfs(folder).f_bavail == 0, "the disk is not full")


def read_while_full(disk, store):
    """Readers beside a copy on another disk: the same answers, with lock.mdb, without it, and read-only."""
    copy = os.path.join(WORK, "copy.store")
    shutil.copytree(store, copy)
    want = answers(copy)
    check(answers(store) == want, "another answer on a full disk")
    os.remove(f"{store}/catalog/lock.mdb")
    fill(disk)
    check(answers(store) == want, "another answer on a full disk without lock.mdb")
    check(os.path.getsize(f"{store}/catalog/lock.mdb") == 0, "lock.mdb was made where there is no room for it")
    os.remove(f"{store}/catalog/lock.mdb")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    check(answers(store) == want, "another answer on a disk that is read-only")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    shutil.rmtree(copy)


def real(logs, want):
    disk = os.path.join(WORK, "disk")
    os.makedirs(disk)
    # nobody but this process and its children sees it, and with them it goes
    if not mounted(disk, "size=1m"):
        print("skipped: no tmpfs can be mounted here")
        return
    store = os.path.join(disk, "store")
    for share in (0.1, 0.5, 0.7, 0.85):  # of the room that the store takes
        with open(os.path.join(disk, "ballast"), "wb") as out:
            out.write(b"x" * int((1 << 20) - share * size_of(want[0])))
        stopped_well(run(ingest(store, logs)), store)
        os.remove(os.path.join(disk, "ballast"))
    must([BACKTRAIL, "store", "verify", "--store", store])
    fill(disk)
    again = run(ingest(store, logs))
    stopped_well(again, store)
    read_while_full(disk, store)
    os.remove(os.path.join(disk, "ballast"))
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
    must(ingest(store, logs))
    check(dump(store) == want[1], "after the disk has grown the store holds something else")
    subprocess.run(["umount", disk], check=True)
    print("a full tmpfs: stopped, read from, gone on with")


def main():
    if NAMESPACE not in os.environ:  # mounts are seen by nobody else, and need no root
        env = {**os.environ, NAMESPACE: "1", "BTR_SEED": str(SEED)}
        words = ["unshare", "--mount", "--map-root-user"]
        if subprocess.run([*words, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            sys.exit(subprocess.run([*words, sys.executable, __file__], env=env, check=False).returncode)
    print(f"seed {SEED}")
    logs, store = os.path.join(WORK, "logs"), os.path.join(WORK, "plain.store")
    inputs_make(logs, ("web01", "db01", "bast01"), 4, 480000)
    must(ingest(store, logs))
    want = (store, dump(store))
    budgets(logs, want)
    real(logs, want)


main()
