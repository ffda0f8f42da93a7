#!/usr/bin/env python3
"""Kept records: of every event the very lines of its source, whole and once, also after kill -9 at random moments and
after merging; read by a reader of their own. Sampled; all events of the shipped recording with BTR_LONG=1, and of
those in the folder $BTR_RECORDINGS (NAME/HOST.audit.log.zst), if it is given. BTR_SEED repeats a run."""
import collections
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kills import killed
from read_records import Records

BACKTRAIL, DUMP, DUMP_RECORDS = (os.environ[n] for n in ("BACKTRAIL", "BTR_DUMP_STORE", "BTR_DUMP_RECORDS"))
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
WORK = os.environ["BTR_WORK"]
LONG = bool(os.environ.get("BTR_LONG"))
KILLS = 100 if LONG else 15
INPUT_SIZE = 3 << 20 if LONG else 1 << 20  # bytes of text a host, where the whole would take long
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
SERIAL = re.compile(rb"audit\([0-9.]+:([0-9]+)\)")


def must(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}; seed {SEED}")
    return done.stdout


def unpacked(path):
    if not path.endswith(".zst"):
        with open(path, "rb") as file:
            return file.read()
    return must(["zstd", "-dcq", path])


def beginnings():
    """The beginning of each host's log, the events interleaved as they were recorded."""
    folder = os.path.join(WORK, "logs")
    os.makedirs(folder)
    for host in ("web01", "db01", "bast01"):
        text = unpacked(f"{DATA}/{host}.audit.log.zst")
        with open(f"{folder}/{host}.audit.log", "wb") as out:
            out.write(text[: text.rfind(b"\n", 0, INPUT_SIZE) + 1])
    return folder


def ingest(store, *inputs, keep=True):
    words = [BACKTRAIL, "ingest", "--store", store, "--hosts", f"{DATA}/hosts.json", "--quiet"]
    return words + (["--keep-records"] if keep else []) + list(inputs)


def by_serial(path):
    """What grep would find: the lines of each serial, in their order."""
    found = collections.defaultdict(list)
    for line in unpacked(path).splitlines():
        found[SERIAL.search(line).group(1)].append(line)
    return found


def check_events(store, every):
    """Of every n-th event the kept records must be what grep finds by its serial. Returns how many were looked at."""
    sources, count = {}, 0
    with subprocess.Popen([DUMP_RECORDS, store, str(every)], stdout=subprocess.PIPE) as child:
        for head in child.stdout:
            word, source, line, serial, found, left_out = head.rstrip(b"\n").split(b"\t")
            if word != b"event" or int(found) < 0 or left_out != b"0":
                sys.exit(f"no records of {head!r}")
            records = [child.stdout.readline()[:-1] for _ in range(int(found))]
            if source not in sources:
                sources[source] = by_serial(source.decode())
            if records != sources[source][serial]:
                sys.exit(f"{head!r}: {records!r} for {sources[source][serial]!r}; seed {SEED}")
            count += 1
    if child.returncode != 0 or count == 0:
        sys.exit(f"dump_records: status {child.returncode} after {count} events")
    return count


def check_files(store, paths):
    """All files together hold each line of each input once: nothing lost, nothing twice."""
    kept = collections.Counter()
    for path in glob.glob(f"{store}/records/*/*.brec"):
        with open(path, "rb") as file:
            kept.update((r["input"], r["line"], r["record"]) for r in Records(file.read()))
    want = collections.Counter((p.encode(), n + 1, l) for p in paths for n, l in enumerate(unpacked(p).splitlines()))
    if kept != want:
        sys.exit(f"{(kept - want).total()} records too much, {(want - kept).total()} too few; seed {SEED}")
    return kept.total()


def dump(store):
    return sorted(must([DUMP, store]).split(b"\n"))


def the_events_are_the_same_with_and_without(folder):
    plain, kept = os.path.join(WORK, "plain.store"), os.path.join(WORK, "kept.store")
    must(ingest(plain, folder, keep=False))
    must(ingest(kept, folder))
    if dump(plain) != dump(kept):
        sys.exit("--keep-records changes what is stored of events")
    if glob.glob(f"{plain}/records/*"):
        sys.exit("records are kept without --keep-records")
    print(f"{check_events(kept, 1 if LONG else 7)} events, {check_files(kept, logs(folder))} records")


def logs(folder):
    return sorted(glob.glob(f"{folder}/*.log"))


def kills_lose_nothing_and_repeat_nothing(folder, chance):
    command = ingest(os.path.join(WORK, "whole.store"), "--segment-events", "700", folder)
    began = time.monotonic()
    must(command)
    whole_s = time.monotonic() - began
    kills = stores = 0
    while kills < KILLS:
        store = os.path.join(WORK, f"killed{stores}.store")
        stores += 1
        command = ingest(store, "--segment-events", "700", folder)
        ended = False
        while not ended and kills < KILLS:
            ended = not killed(command, chance.uniform(0, whole_s * 0.8), SEED)
            kills += not ended
        must(command)
        check_files(store, logs(folder))
        must([BACKTRAIL, "store", "compact", "--store", store])
        check_events(store, 11)
        must([BACKTRAIL, "store", "verify", "--store", store])
        shutil.rmtree(store)
    print(f"{kills} kills over {stores} stores: each line is kept once")


def grown_and_repeated_inputs_add_only_what_is_new(folder):
    """A log that grows between runs, and the same command again."""
    path, store = os.path.join(WORK, "grown.audit.log"), os.path.join(WORK, "grown.store")
    text = unpacked(f"{folder}/web01.audit.log")
    for part in (0.3, 0.31, 0.7, 0.7, 1):
        with open(path, "wb") as out:
            out.write(text[: int(len(text) * part)])
        must(ingest(store, f"web01={path}"))
    check_files(store, [path])
    print(f"{check_events(store, 5)} events of a log that grew")


def a_large_log_is_packed_with_a_dictionary():
    path, store = f"{DATA}/bkp01.audit.log.zst", os.path.join(WORK, "large.store")
    must(ingest(store, path))
    if not any(Records(open(p, "rb").read()).dictionary for p in glob.glob(f"{store}/records/*/*.brec")):
        sys.exit("no dictionary")
    print(f"{check_events(store, 97)} events, {check_files(store, [path])} records of one log")


def recordings():
    if LONG:
        yield "web_cmdi", sorted(glob.glob(f"{DATA}/*.audit.log.zst"))
    for folder in sorted(glob.glob(os.path.join(os.environ.get("BTR_RECORDINGS", "/nonexistent"), "*"))):
        paths = sorted(glob.glob(f"{folder}/*.audit.log.zst"))
        if paths:
            yield os.path.basename(folder), paths


def whole_recordings_are_kept():
    for name, paths in recordings():
        store = os.path.join(WORK, name + ".store")
        must(ingest(store, *paths))
        size = sum(os.path.getsize(p) for p in glob.glob(f"{store}/records/*/*.brec"))
        count = sum(len(by_serial(p)) for p in paths)
        print(f"{name}: {check_events(store, 1)} events; {size / count:.1f} bytes kept an audit event")
        shutil.rmtree(store)


def main():
    print(f"seed {SEED}")
    folder = beginnings()
    the_events_are_the_same_with_and_without(folder)
    grown_and_repeated_inputs_add_only_what_is_new(folder)
    a_large_log_is_packed_with_a_dictionary()
    kills_lose_nothing_and_repeat_nothing(folder, random.Random(SEED))
    whole_recordings_are_kept()


main()
