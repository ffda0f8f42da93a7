#!/usr/bin/env python3
"""Pruning removes what lies before a time, whole, and nothing else: what is left is what a store has that never had the
rest. What a hold touches stays. kill -9 at random moments: the store is the one of before or the one of after.
BTR_SEED repeats a run; BTR_LONG=1 kills hundreds of times."""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

from kills import killed

BACKTRAIL, DUMP = os.environ["BACKTRAIL"], os.environ["BTR_DUMP_STORE"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
WORK = os.environ["BTR_WORK"]
LONG = bool(os.environ.get("BTR_LONG"))
KILLS = 300 if LONG else 20
INPUT_SIZE = 1 << 20  # bytes of text a host
HOSTS = ("web01", "db01", "bast01")  # a day each
DAY = 86400
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def run(words, status=0):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != status:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}; seed {SEED}")
    return done.stdout


def store(verb, path, *more, status=0):
    return run([BACKTRAIL, "store", *verb.split(), "--store", path, *more], status)


def check(holds, what):
    if not holds:
        sys.exit(f"not so: {what}; seed {SEED}")


def input_make(number, host):
    text = subprocess.run(["zstd", "-dcq", f"{DATA}/{host}.audit.log.zst"], stdout=subprocess.PIPE, check=True).stdout
    text = text[: text.rfind(b"\n", 0, INPUT_SIZE) + 1]
    later = re.sub(rb"audit\((\d+)", lambda m: b"audit(%d" % (int(m[1]) + number * DAY), text)
    path = os.path.join(WORK, f"{host}.audit.log")
    with open(path, "wb") as out:
        out.write(later)
    return path


def store_make(name, paths):
    path = os.path.join(WORK, name)
    for one in paths:
        run([BACKTRAIL, "ingest", "--store", path, "--quiet", "--segment-events", "500", "--keep-records", one])
    return path


def events(path):
    return sorted(line for line in run([DUMP, path]).split(b"\n") if line.startswith(b"event"))


def files(path):
    return {name for _, _, names in os.walk(path) for name in names if name.endswith((".bseg", ".brec"))}


def bounds(path):
    """Seconds at which each day's events are over, as days of the recording do not touch."""
    stat = json.loads(store("prune", path, "--before", "2100-01-01T00:00:00Z", "--dry-run", "--output", "json"))
    last = {}
    for segment in stat["segments"]:
        last[segment["day"]] = max(last.get(segment["day"], 0), segment["last_ns"])
    return [str(ns // 10**9 + 1) for _, ns in sorted(last.items())]


def pruned(path, before, *more):
    return json.loads(store("prune", path, "--before", before, "--output", "json", *more))


def what_goes_and_what_stays(path, paths, ends):
    noted = store("verify", path).split(b"head ")[1].split()[0].decode()
    whole, there = events(path), files(path)
    told = pruned(path, ends[1], "--dry-run")
    check(events(path) == whole and files(path) == there, "a dry run changes nothing")
    check(told["dry_run"] and told["days"] == 2 and told["events"] > 0 and told["records"] > 0, f"it tells: {told}")
    check({host for segment in told["segments"] for host in segment["hosts"]} == set(HOSTS[:2]), "and the hosts")

    store("hold add", path, "--host", "d?01", "--since", ends[0], "--why", "case\x1b[2J 7")
    listed = store("hold list", path)
    check(b"\x1b" not in listed and b"d?01" in listed, "a hold is listed, escaped")
    check(json.loads(store("hold list", path, "--output", "json"))["holds"][0]["why"] == "case\x1b[2J 7", "and whole in JSON")
    gone = pruned(path, ends[1])
    check(gone["held"]["segments"] > 0 and gone["held"]["record_files"] > 0, "what is held is told")
    check({host for segment in gone["segments"] for host in segment["hosts"]} == {"web01"}, "and stays")
    check(events(path) == events(store_make("two.store", paths[1:])), "what is left is as if the rest had never been")
    store("hold remove 2", path, status=1)
    store("hold remove 1", path)
    store("hold list", path, status=1)
    check(store("hold add", path, "--host", "nobody", "--why", "later") == b"hold 2 added\n", "no id is given twice")
    store("hold remove 2", path)
    gone = pruned(path, ends[1])
    check(gone["events"] + len(events(path)) == len(events(os.path.join(WORK, "two.store"))), "what was held goes after that")
    check(events(path) == events(store_make("one.store", paths[2:])), "and what is left is the last day")
    verify = store("verify", path, "--root", noted)
    check(b"that of --root was the head after" in verify, "the chain goes on")
    check(pruned(path, ends[1])["segments"] == [], "twice is once")
    run([BACKTRAIL, "ingest", "--store", path, "--quiet", "--keep-records", *paths])
    check(events(path) == events(os.path.join(WORK, "one.store")), "what was pruned does not come again")


def days_of_one_publish(paths, ends):
    """Three days read at once, and one that comes days late: each day goes alone."""
    path = os.path.join(WORK, "at_once.store")
    run([BACKTRAIL, "ingest", "--store", path, "--quiet", *paths])
    told = pruned(path, ends[0])
    check(told["days"] == 1 and {h for s in told["segments"] for h in s["hosts"]} == {HOSTS[0]}, f"a day of one publish goes alone: {told}")
    check(events(path) == events(store_make("at_once_two.store", paths[1:])), "and nothing else")
    late = store_make("late.store", [paths[2], paths[0]])
    whole = events(late)
    told = pruned(late, ends[0])
    check(told["days"] == 1 and len(events(late)) == len(whole) - told["events"], "what came late went with its day")
    check(events(late) == events(os.path.join(WORK, "one.store")), "and nothing else")
    store("verify", late)


def days_to_keep(paths):
    """What is over a day older than the newest day goes: by prune, and by itself after an ingest; a hold keeps it, and it is told."""
    plain, itself = os.path.join(WORK, "keep.store"), os.path.join(WORK, "keep_itself.store")
    run([BACKTRAIL, "ingest", "--store", plain, "--quiet", *paths])
    shutil.copytree(plain, itself)
    told = json.loads(store("prune", plain, "--keep-days", "1", "--output", "json"))
    check(told["days"] == 1 and {h for s in told["segments"] for h in s["hosts"]} == {HOSTS[0]}, f"one of three days goes: {told}")
    check(json.loads(store("prune", plain, "--keep-days", "1", "--output", "json"))["events"] == 0, "and once")
    store("hold add", itself, "--host", HOSTS[0], "--why", "case 7")
    words = [BACKTRAIL, "ingest", "--store", itself, "--retention-days", "1", *paths]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    check(b"kept by a hold" in done.stderr and b"gone" not in done.stderr, f"what is held stays, and is told: {done.stderr}")
    store("hold remove 1", itself)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    check(b"retention: gone: %d events" % told["events"] in done.stderr, f"what goes is told: {done.stderr}")
    check(events(itself) == events(plain), "and is the same")


def kills(plain, before, chance):
    work = os.path.join(WORK, "killed.store")
    first, count, rounds, ends = events(plain), 0, 0, set()
    shutil.copytree(plain, work)
    began = time.monotonic()
    store("prune", work, "--before", before)
    whole_s, last = time.monotonic() - began, events(work)
    check(last != first, "something goes")
    while count < KILLS:
        shutil.rmtree(work)
        shutil.copytree(plain, work)
        rounds += 1
        was_killed = killed([BACKTRAIL, "store", "prune", "--store", work, "--before", before], chance.uniform(0, whole_s), SEED)
        count += was_killed
        after = events(work)
        check(after in (first, last), "all of it goes, or nothing")
        ends.add(after == last)
        store("verify", work)
        store("prune", work, "--before", before)
        check(events(work) == last, "the same command again ends it")
        named = files(work)
        store("compact", work)
        check(len(named) >= len(files(work)), "and no file is left over")
        store("verify", work)
    print(f"{count} kills of {rounds} prunes, whole or not at all; both seen: {len(ends) == 2}")


def refused(path):
    store("prune", path, status=2)
    store("prune", path, "--before", "yesterday", status=2)
    store("prune", path, "--keep-days", "0", status=2)
    store("prune", path, "--keep-days", "36501", status=2)
    run([BACKTRAIL, "ingest", "--store", path + ".none", "--retention-days", "0", path], 2)
    run([BACKTRAIL, "ingest", "--store", path + ".none", "--retention-days", "many", path], 2)
    store("prune", path + ".none", "--before", "0", status=3)
    store("hold", path, status=2)
    store("hold add", path, status=2)
    store("hold add", path, "--why", "x", "--host", "", status=2)
    store("hold add", path, "--why", "x", "--since", "2", "--until", "1", status=2)
    store("hold remove", path, status=2)
    store("hold remove x", path, status=2)
    store("hold list x", path, status=2)
    check(not os.path.exists(path + ".none"), "a store that is not there is not made")


def main():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    paths = [input_make(number, host) for number, host in enumerate(HOSTS)]
    path = store_make("plain.store", paths)
    ends = bounds(path)
    check(len(ends) == 3, f"a day each: {ends}")
    refused(path)
    work = os.path.join(WORK, "pruned.store")
    shutil.copytree(path, work)
    what_goes_and_what_stays(work, paths, ends)
    days_of_one_publish(paths, ends)
    days_to_keep(paths)
    kills(path, ends[1], chance)


main()
