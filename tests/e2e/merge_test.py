#!/usr/bin/env python3
"""Merging changes no answer. kill -9 at random moments of `store compact`: what the store holds stays the same, whole
and once. Then traces, find and counts are the same before and after, and over two stores that tell the same twice.
BTR_SEED repeats a run; BTR_LONG=1 kills hundreds of times."""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time

from kills import killed

BACKTRAIL, DUMP = os.environ["BACKTRAIL"], os.environ["BTR_DUMP_STORE"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
WORK = os.environ["BTR_WORK"]
LONG = bool(os.environ.get("BTR_LONG"))
KILLS = 400 if LONG else 25
INPUT_SIZE = 6 << 20 if LONG else 2 << 20  # bytes of text a host
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def run(words, statuses=(0,)):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in statuses:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}; seed {SEED}")
    return done.stdout


def same(got, want, what):
    if got == want:
        return
    for name, data in (("got", got), ("want", want)):
        with open(os.path.join(WORK, name), "wb") as out:
            out.write(data)
    sys.exit(f"{what} differs: see got and want in {WORK}; seed {SEED}")


def inputs_make(folder):
    os.makedirs(folder)
    for host in ("web01", "db01", "bast01"):
        packed = f"{DATA}/{host}.audit.log.zst"
        text = subprocess.run(["zstd", "-dcq", packed], stdout=subprocess.PIPE, check=True).stdout
        with open(f"{folder}/{host}.audit.log", "wb") as out:
            out.write(text[: text.rfind(b"\n", 0, INPUT_SIZE) + 1])


def ingest(store, folder, events):
    run([BACKTRAIL, "ingest", "--store", store, "--hosts", f"{DATA}/hosts.json", "--quiet", "--segment-events", str(events), folder])


def segments(store):
    return sum(name.endswith(b".bseg") for _, _, names in os.walk(os.fsencode(store)) for name in names)


def dump(store):
    return b"\n".join(sorted(run([DUMP, store]).split(b"\n")))


def kills(plain, want, chance):
    count = rounds = 0
    work = os.path.join(WORK, "killed.store")
    shutil.copytree(plain, work)
    began = time.monotonic()
    run([BACKTRAIL, "store", "compact", "--store", work])
    whole_s = time.monotonic() - began
    while count < KILLS:
        shutil.rmtree(work)
        shutil.copytree(plain, work)
        rounds += 1
        ended = False
        while not ended and count < KILLS:
            ended = not killed([BACKTRAIL, "store", "compact", "--store", work], chance.uniform(0, whole_s * 1.1), SEED)
            count += not ended
            same(dump(work), want, "a store after a kill")
    run([BACKTRAIL, "store", "compact", "--store", work])
    same(dump(work), want, "a store that was killed and compacted")
    run([BACKTRAIL, "store", "verify", "--store", work])
    print(f"{count} kills over {rounds} stores: what they hold is the same")


def traces(*stores):
    """Traces of two records, forward and backward; origins are left out, as another input may be cited."""
    options = [word for store in stores for word in ("--store", store)]
    sums = []
    for spec in SPECS:
        for direction in ("--backward", "--forward"):
            words = [BACKTRAIL, "trace", "--strategy", "backtracker", "--from", spec, direction, "--output", "json", "--no-stats", "--evidence", "all"]
            answer = json.loads(run(words + options))
            for edge in answer["edges"]:
                for evidence in edge["evidence"]:
                    evidence.pop("origin", None)
            sums.append(json.dumps(answer, sort_keys=True).encode())
    return b"\n".join(sums)


def counts(*stores):
    options = [word for store in stores for word in ("--store", store)]
    stat = run([BACKTRAIL, "store", "stat", "--by", "host,source"] + options).split(b"\n")
    of_files = (b"inputs", b"records", b"segments", b"segment bytes", b"catalog bytes", b"bytes per event", b"head")
    kept = [line for line in stat if not line.startswith(of_files)]
    return b"\n".join(kept) + run([BACKTRAIL, "find", "--output", "json"] + options)


def specs_find(store):
    """The records in the middle of two hosts."""
    found = []
    for host in ("web01", "bast01"):
        lines = sorted({int(line.split(b"\t")[8]) for line in run([DUMP, store]).split(b"\n")
                        if line.startswith(b"event\texec\t") and b"\t" + host.encode() + b"\t" in line})
        found.append(f"record:{host}/{lines[len(lines) // 2]}")
    return found


def twice(folder, plain, want_traces, want_counts):
    """The same files, under another name, in a store beside it, and in one store."""
    other = os.path.join(WORK, "other")
    os.makedirs(other)
    for name in os.listdir(folder):
        shutil.copy(f"{folder}/{name}", f"{other}/{name}.copy")
    beside = os.path.join(WORK, "beside.store")
    ingest(beside, other, 5000)
    for stores in ((plain, beside), (beside, plain)):
        same(traces(*stores), want_traces, f"traces over {stores}")
        same(counts(*stores), want_counts, f"counts over {stores}")
    run([BACKTRAIL, "store", "compact", "--store", beside])
    same(counts(plain, beside), want_counts, "counts over a compacted store and another")
    print("what two stores tell counts once")


def main():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    folder, plain = os.path.join(WORK, "logs"), os.path.join(WORK, "plain.store")
    inputs_make(folder)
    ingest(plain, folder, 400)
    want = dump(plain)
    SPECS.extend(specs_find(plain))
    want_traces, want_counts = traces(plain), counts(plain)
    print(f"{segments(plain)} segments, {len(want_traces)} bytes of traces from {SPECS}, digest {hashlib.sha256(want).hexdigest()[:16]}")
    kills(plain, want, chance)
    compacted = os.path.join(WORK, "compacted.store")
    shutil.copytree(plain, compacted)
    print(run([BACKTRAIL, "store", "compact", "--store", compacted]).decode().strip())
    same(traces(compacted), want_traces, "traces of a compacted store")
    same(counts(compacted), want_counts, "counts of a compacted store")
    twice(folder, plain, want_traces, want_counts)


SPECS = []
main()
