#!/usr/bin/env python3
"""kill -9 at random moments of an ingest, and the same command again until it ends: the store must be the
one that a single run makes. At least 50 kills, many more with BTR_LONG=1. BTR_SEED repeats a run."""
import hashlib
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
KILLS = 300 if LONG else 50
INPUT_SIZE = 5 << 20 if LONG else 3 << 20  # bytes of text a host
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def inputs_make():
    """The beginning of each host's log; two rotated parts, several packings."""
    folder = os.path.join(WORK, "logs")
    os.makedirs(folder)
    for number, host in enumerate(("web01", "db01", "bast01")):
        text = subprocess.run(["zstd", "-dcq", f"{DATA}/{host}.audit.log.zst"], stdout=subprocess.PIPE, check=True).stdout
        text = text[: text.rfind(b"\n", 0, INPUT_SIZE) + 1]
        cut = text.rfind(b"\n", 0, len(text) * 2 // 3) + 1
        parts = {"audit.log.1": text[:cut], "audit.log": text[cut:]}
        for name, part in parts.items():
            path = f"{folder}/{host}.{name}"
            with open(path, "wb") as out:
                out.write(part)
            if number == 0:
                subprocess.run(["zstd", "-q", "--rm", path], check=True)
            elif number == 1 and name.endswith("1"):
                subprocess.run(["gzip", path], check=True)
    return folder


def command(store, folder):
    return [BACKTRAIL, "ingest", "--store", store, "--hosts", f"{DATA}/hosts.json", "--quiet", "--segment-events", "700", folder]


def run(words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def must(words):
    done = run(words)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def dump(store):
    lines = sorted(must([DUMP, store]).split(b"\n"))
    return lines, hashlib.sha256(b"\n".join(lines)).hexdigest()


def compare(got, want):
    if got[1] == want[1]:
        return
    extra, missing = set(got[0]) - set(want[0]), set(want[0]) - set(got[0])
    for line in sorted(extra)[:10]:
        print("more:", line.decode(errors="replace"))
    for line in sorted(missing)[:10]:
        print("less:", line.decode(errors="replace"))
    sys.exit(f"the store differs: {len(got[0])} lines for {len(want[0])}, {len(extra)} more, {len(missing)} less; seed {SEED}")


def verify_what_is_there(store):
    """Sound, or killed before there was a store at all: the same command then makes it, as the caller goes on to show."""
    words = [BACKTRAIL, "store", "verify", "--store", store]
    done = run(words)
    if done.returncode == 3 and b"no store there" in done.stderr:
        return
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}; seed {SEED}")


def main():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    folder = inputs_make()
    plain = os.path.join(WORK, "plain.store")
    began = time.monotonic()
    must(command(plain, folder))
    whole_s = time.monotonic() - began
    want = dump(plain)
    print(f"{len(want[0])} lines in {whole_s:.2f} s")
    kills = stores = 0
    while kills < KILLS:
        store = os.path.join(WORK, f"killed{stores}.store")
        stores += 1
        ended = False
        while not ended and kills < KILLS:
            ended = not killed(command(store, folder), chance.uniform(0, whole_s * 0.6), SEED)
            kills += not ended
            if os.path.isdir(store) and chance.random() < 0.2:
                verify_what_is_there(store)
        must(command(store, folder))
        compare(dump(store), want)
        before = dump(store)
        must(command(store, folder))
        compare(dump(store), before)
        must([BACKTRAIL, "store", "verify", "--store", store])
        shutil.rmtree(store)
    print(f"{kills} kills over {stores} stores: each the same as in one run")


main()
