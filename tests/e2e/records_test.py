#!/usr/bin/env python3
"""Kept records: of every event the very lines of its source, whole and once, also after kill -9 at random moments and
after merging; read by a reader of their own. Sampled; all events of the shipped recording with BTR_LONG=1, and of
those in the folder $BTR_RECORDINGS (NAME/HOST.audit.log.zst), if it is given. BTR_SEED repeats a run."""
import collections
import glob
import hashlib
import json
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


def together(lines, before=b""):
    """A digest of lines in their order, that can be gone on with."""
    for line in lines:
        before = hashlib.md5(before + line).digest()
    return before


def by_serial(path):
    """What grep would find: a digest of the lines of each serial, in their order."""
    found = collections.defaultdict(bytes)
    for line in unpacked(path).split(b"\n")[:-1]:
        serial = SERIAL.search(line).group(1)
        found[serial] = together([line], found[serial])
    return found


def check_events(store, every, names={}):
    """Of every n-th event the kept records must be what grep finds by its serial. Returns how many were looked at.
    `names` tells where the content of an input lies, if not under its name."""
    sources, count = {}, 0
    with subprocess.Popen([DUMP_RECORDS, store, str(every)], stdout=subprocess.PIPE) as child:
        for head in child.stdout:
            word, source, line, serial, found, left_out = head.rstrip(b"\n").split(b"\t")
            if word != b"event" or int(found) < 0 or left_out != b"0":
                sys.exit(f"no records of {head!r}")
            records = [child.stdout.readline()[:-1] for _ in range(int(found))]
            if source not in sources:
                sources[source] = by_serial(names.get(source, source.decode()))
            if together(records) != sources[source][serial]:
                sys.exit(f"{head!r}: {records!r} is not what grep finds; seed {SEED}")
            count += 1
    if child.returncode != 0 or count == 0:
        sys.exit(f"dump_records: status {child.returncode} after {count} events")
    return count


def check_files(store, paths, name=None):
    """All files together hold each line of each input once: nothing lost, nothing twice."""
    kept = collections.Counter()
    for path in glob.glob(f"{store}/records/*/*.brec"):
        with open(path, "rb") as file:
            kept.update((r["input"], r["line"], r["record"]) for r in Records(file.read()))
    want = collections.Counter((name or p.encode(), n + 1, l) for p in paths for n, l in enumerate(unpacked(p).splitlines()))
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


# ---- What is printed ----

ODD = b"""type=SYSCALL msg=audit(1795424231.026:3533544): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=0 a2=0 a3=0 items=1 ppid=7983 pid=8277 auid=7001 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=37 comm="cat" exe="/usr/bin/cat" key=(null)
type=CWD msg=audit(1795424231.026:3533544): cwd="/"
type=PATH msg=audit(1795424231.026:3533544): item=0 name="/tmp/\xff\\\xe2\x80\xae\x1b[31m\xc3\xa9" inode=11 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0
type=PROCTITLE msg=audit(1795424231.026:3533544): proctitle="cat"
"""


def answer(command, *words, status=0):
    done = subprocess.run([BACKTRAIL, command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != status:
        sys.exit(f"{command} {words}: status {done.returncode} for {status}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def unescaped(text):
    """The reverse of what is done for a terminal."""
    out, at = b"", 0
    while at < len(text):
        if text[at:at + 1] != b"\\":
            out, at = out + text[at:at + 1], at + 1
        elif text[at + 1:at + 2] == b"x":
            out, at = out + bytes([int(text[at + 2:at + 4], 16)]), at + 4
        elif text[at + 1:at + 3] == b"u{":
            end = text.index(b"}", at)
            out, at = out + chr(int(text[at + 3:end], 16)).encode(), end + 1
        else:
            out, at = out + {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"\\": b"\\"}[text[at + 1:at + 2]], at + 2
    return out


def printed(text, margin):
    return [unescaped(line.split(b"| ", 1)[1]) for line in text.split(b"\n") if line.startswith(margin)]


def odd_store(name, **options):
    """A record with bytes that no terminal must see."""
    path, store = os.path.join(WORK, "odd.audit.log"), os.path.join(WORK, name)
    with open(path, "wb") as out:
        out.write(ODD)
    must(ingest(store, f"web01={path}", **options))
    return store


def the_very_bytes_are_printed():
    store, lines = odd_store("odd.store"), ODD.split(b"\n")[:-1]
    text = answer("find", "--store", store, "--kind", "process", "--show-records")
    if printed(text, b"    first | ") != lines or b"\x1b" in text or b"\xe2\x80\xae" in text:
        sys.exit(f"find prints {text!r}")
    found = json.loads(answer("find", "--store", store, "--kind", "process", "--show-records", "--output", "json"))
    records = [r.encode("utf-8", "surrogateescape") for r in found["entities"][0]["evidence"][0]["records"]]
    if records != lines or found["records"] != {"shown": 1, "not_kept": 0, "damaged": 0, "left_out": 0}:
        sys.exit(f"find tells {found!r}")
    text = answer("trace", "--strategy", "backtracker", "--store", store, "--from", "process:web01/8277", "--show-records", "--no-stats")
    if printed(text, b"          | ") != lines:
        sys.exit(f"trace prints {text!r}")
    answer("trace", "--strategy", "backtracker", "--store", store, "--from", "process:web01/8277", "--show-records", "--output", "dot", status=2)


def all_evidence_of_a_trace_has_its_records():
    store = os.path.join(WORK, "kept.store")
    record = must([DUMP_RECORDS, store, "1"]).split(b"\nevent\t")[-1].split(b"\t")
    spec = f"origin:{record[0].decode()}:{record[1].decode()}"
    trace = json.loads(answer("trace", "--strategy", "backtracker", "--store", store, "--from", spec, "--show-records", "--output", "json",
                              "--evidence", "all", "--no-stats"))
    sources, count = {}, 0
    for edge in trace["edges"]:
        for e in edge["evidence"]:
            path = e["origin"]["file"]
            sources[path] = sources.get(path) or by_serial(path)
            got = together(r.encode("utf-8", "surrogateescape") for r in e["records"])
            if got != sources[path][e["id"].encode()]:
                sys.exit(f"evidence {e!r} is not what grep finds")
            count += 1
    if count < 10 or trace["records"]["shown"] != count or trace["records"]["not_kept"] != 0:
        sys.exit(f"{count} records of evidence, {trace['records']}")
    print(f"{count} records of evidence of a trace")


def records_that_are_not_kept_are_said_to_be_so():
    store = odd_store("without.store", keep=False)
    text = answer("find", "--store", store, "--kind", "process", "--show-records")
    if not text.startswith(b"No records are kept of 1 of 1 events") or b"(its records are not kept)" not in text:
        sys.exit(f"find prints {text!r}")
    found = json.loads(answer("find", "--store", store, "--kind", "process", "--show-records", "--output", "json"))
    if found["entities"][0]["evidence"][0]["records"] is not None or found["records"]["not_kept"] != 1:
        sys.exit(f"find tells {found!r}")
    # What one of several stores has kept is shown once, also when the others have the same, or have not.
    both = answer("find", "--store", store, "--store", odd_store("odd2.store"), "--store", odd_store("odd.store"),
                  "--kind", "process", "--show-records")
    if printed(both, b"    first | ") != ODD.split(b"\n")[:-1] or b"No records" in both:
        sys.exit(f"find prints {both!r}")


def damage_costs_the_records_and_not_the_answer():
    store = odd_store("damaged.store")
    path, = glob.glob(f"{store}/records/*/*.brec")
    with open(path, "r+b") as file:
        file.seek(-5, 2)
        file.write(b"x")
    before = answer("find", "--store", store, "--output", "json")
    after = answer("find", "--store", store, "--output", "json", "--show-records", status=3)
    ids = [[e["id"] for e in json.loads(text)["entities"]] for text in (before, after)]
    if ids[0] != ids[1] or json.loads(after)["records"]["damaged"] == 0:
        sys.exit(f"find tells {after!r}")
    if not answer("find", "--store", store, "--show-records", status=3).startswith(b"DAMAGED: the kept records of "):
        sys.exit("text does not say first what is damaged")
    answer("store", "verify", "--store", store, status=3)
    os.unlink(path)  # as a retention does, when a query has begun
    if b"records are not kept" not in answer("find", "--store", store, "--show-records"):
        sys.exit("records of a removed file are not said to be gone")


def pruned_records_are_gone_and_events_are_not():
    store = odd_store("pruned.store")
    before = dump(store)
    must([BACKTRAIL, "store", "prune", "--store", store, "--records-before", "2027-01-01"])
    if glob.glob(f"{store}/records/*/*.brec") or dump(store) != before:
        sys.exit("pruning of records leaves some, or takes events")
    if b"(its records are not kept)" not in answer("find", "--store", store, "--kind", "process", "--show-records"):
        sys.exit("pruned records are not said to be gone")
    must([BACKTRAIL, "store", "verify", "--store", store])


def records_of_a_pipe_are_kept_once():
    path, store, late = os.path.join(WORK, "pipe.log"), os.path.join(WORK, "pipe.store"), ODD.replace(b":3533544", b":3533545")
    for part in (ODD, b"".join(ODD.splitlines(True)[:2]), ODD + late):
        subprocess.run(ingest(store, "web01=-"), input=part, check=True)
    with open(path, "wb") as out:
        out.write(ODD + late)
    check_events(store, 1, {b"-": path})
    check_files(store, [path], b"-")


def very_long_records():
    """The longest that is decoded is kept and printed whole; a longer one is in quarantine, and nothing is held of it."""
    path, store = os.path.join(WORK, "long.audit.log"), os.path.join(WORK, "long.store")
    stamp = b"msg=audit(1795424231.026:3533544): "
    long = b"type=USER_CMD " + stamp + b"pid=1 uid=0 auid=0 ses=1 msg='op=" + b"x" * 1000000 + b" res=success'"
    with open(path, "wb") as out:
        out.write(long + b"\n" + b"type=USER_CMD " + stamp + b"y" * (10 << 20) + b"\n")
    must(ingest(store, f"web01={path}"))
    text = answer("find", "--store", store, "--kind", "session", "--show-records")
    if printed(text, b"    first | ") != [long]:
        sys.exit(f"a long record is printed as {text[:500]!r}")


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
    the_very_bytes_are_printed()
    all_evidence_of_a_trace_has_its_records()
    records_that_are_not_kept_are_said_to_be_so()
    damage_costs_the_records_and_not_the_answer()
    pruned_records_are_gone_and_events_are_not()
    records_of_a_pipe_are_kept_once()
    very_long_records()
    a_large_log_is_packed_with_a_dictionary()
    kills_lose_nothing_and_repeat_nothing(folder, random.Random(SEED))
    whole_recordings_are_kept()


main()
