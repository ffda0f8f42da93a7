#!/usr/bin/env python3
"""A thinned store answers as the exact one: the same entities and the same steps, counts that go on counting what an event stands
for, and a plain word where it is not told one by one. An independent reader finds the same in the file. kill -9 at random moments:
each segment is the one of before or the one of after. BTR_SEED repeats a run; BTR_LONG=1 kills a hundred times."""
import json
import os
import random
import shutil
import subprocess
import sys

from kills import killed

BACKTRAIL, DUMP, SOURCE = os.environ["BACKTRAIL"], os.environ["BTR_DUMP_STORE"], os.environ["BTR_SOURCE_DIR"]
DATA, WORK = os.path.join(SOURCE, "datasets", "web_cmdi"), os.environ["BTR_WORK"]
KILLS = 100 if os.environ.get("BTR_LONG") else 10
LINES = 60000  # of each host
LATER = "2100-01-01T00:00:00Z"
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


def store_make(name, *more):
    path, logs = os.path.join(WORK, name), os.path.join(WORK, "logs")
    os.makedirs(logs, exist_ok=True)
    for log in os.listdir(DATA):
        if not log.endswith(".audit.log.zst"):
            continue
        text = subprocess.run(["zstd", "-dcq", os.path.join(DATA, log)], stdout=subprocess.PIPE, check=True).stdout
        with open(os.path.join(logs, log[:-4]), "wb") as out:
            out.write(b"".join(text.splitlines(keepends=True)[:LINES]))
    run([BACKTRAIL, "ingest", "--quiet", "--hosts", os.path.join(DATA, "hosts.json"), "--store", path, *more, logs])
    return path


def copy(path, name):
    shutil.copytree(path, os.path.join(WORK, name))
    return os.path.join(WORK, name)


def events(path):
    return sorted(line for line in run([DUMP, path]).split(b"\n") if line.startswith(b"event"))


def files(path):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(path) for name in names if name.endswith(".bseg"))


def thinned(path, *more):
    return json.loads(store("thin", path, "--before", LATER, "--output", "json", *more))


def trace(path, entity, way):
    return json.loads(run([BACKTRAIL, "trace", "--strategy", "backtracker", "--store", path, "--from", f"id:{entity}", way, "--output", "json",
                           "--evidence", "all", "--no-stats"]))


def edges(answer):
    """What an edge says that thinning keeps; how many records, and how many of them are cited."""
    out = {}
    for e in answer["edges"]:
        row = out.setdefault((e["from"], e["to"], e["operation"], e["doubt"]), [0, 0, 0])
        row[0] += e["count"]
        row[1] += e.get("thinned", 0)
        row[2] += len(e["evidence"])
        check(len(e["evidence"]) == e["count"] - e.get("thinned", 0), f"evidence and count of an edge: {e}")
        check(not e.get("thinned") or e["interval"], "a thinned edge is an interval")
    return out


def answers_are_the_same(exact, thin):
    rng, some, fewer = random.Random(SEED), [], 0
    entities = [line.split(b"\t") for line in run([DUMP, exact]).split(b"\n") if line.startswith(b"entity")]
    check(entities == [line.split(b"\t") for line in run([DUMP, thin]).split(b"\n") if line.startswith(b"entity")],
          "entities, their times and counts of events")
    some = [e[1].decode() for e in sorted(entities, key=lambda e: -int(e[6]))[:6]] + [e[1].decode() for e in rng.sample(entities, 14)]
    for entity in some:
        for way in ("--backward", "--forward"):
            before, after = trace(exact, entity, way), trace(thin, entity, way)
            check({n["id"] for n in before["nodes"]} == {n["id"] for n in after["nodes"]}, f"nodes of {entity} {way}")
            known, now = edges(before), edges(after)
            check(known.keys() == now.keys(), f"edges of {entity} {way}")
            check(all(now[key][0] >= known[key][0] for key in known), f"counts of {entity} {way}")
            fewer += sum(row[1] for row in now.values())
    check(fewer > 0, "some of these edges are thinned")


def the_file_says_the_same(path):
    reader = os.path.join(SOURCE, "tests", "e2e", "read_segment.py")
    counted = proofs = 0
    for file in files(path):
        rows = [json.loads(line) for line in run([sys.executable, reader, file]).splitlines()]
        counted += sum(row.get("count", 1) for row in rows if "event" in row)
        proofs += sum("proof" in row for row in rows)
    return counted, proofs


def what_it_says(exact):
    whole = events(exact)
    noted = store("verify", exact).split(b"head ")[1].split()[0].decode()
    path = copy(exact, "thin.store")
    bag = os.path.join(WORK, "exact.tar")
    store("export", path, bag)
    told = thinned(path, "--dry-run")
    check(told["dry_run"] and told["events_after"] < told["events"] and told["bytes_after"] < told["bytes"], f"it tells: {told}")
    check(events(path) == whole and files(path) and told["segments"][0]["made"] is None, "a dry run changes nothing")
    store("hold add", path, "--why", "case 7")
    held = thinned(path)
    check(held["segments"] == [] and held["held"]["events"] == len(whole), f"what is held stays: {held}")
    store("hold remove 1", path)
    certified = store("verify", path, "--certify").decode().splitlines()
    check(certified and all(line.endswith(": equal") for line in certified), f"certified: {certified}")
    gone = thinned(path)
    check(gone["events_after"] == told["events_after"] and all(s["closures"] > 0 for s in gone["segments"]), f"thinned: {gone}")
    store("verify", path, "--root", noted)
    stat = store("stat", path).decode()
    check("thinned " in stat and " stand for " in stat, f"stat says so: {stat}")
    counted, proofs = the_file_says_the_same(path)
    check(counted == len(whole) and proofs == len(gone["segments"]), f"the file stands for {counted} events of {len(whole)}")
    certified = store("verify", path, "--certify", gone["segments"][0]["made"]).decode()
    check("thinned; of " in certified and "had been equal" in certified, f"what was proved is told: {certified}")
    answers_are_the_same(exact, path)
    check(thinned(path)["segments"] == [], "twice is once")
    store("import", path, bag)
    check(len(events(path)) == len(whole) - told["events"] + told["events_after"], "what is thinned does not come again")
    store("compact", path)
    check(the_file_says_the_same(path)[0] == len(whole), "merging keeps what they stand for")
    return path


def what_is_refused(path):
    for words in (["thin"], ["thin", "--before", "yesterday"], ["verify", "12"], ["verify", "--certify", "12"],
                  ["verify", "--certify", "--output", "json"], ["thin", "--before", LATER, "--output", "xml"]):
        run([BACKTRAIL, "store", words[0], "--store", path, *words[1:]], 2)
    run([BACKTRAIL, "store", "thin", "--store", os.path.join(WORK, "none"), "--before", LATER], 3)


def kills():
    plain, chance = store_make("small.store", "--segment-events", "20000"), random.Random(SEED)
    wanted = events(thin_copy(plain))
    work, count = copy(plain, "killed.store"), 0
    for i in range(KILLS):
        count += killed([BACKTRAIL, "store", "thin", "--store", work, "--before", LATER], chance.uniform(0.01, 0.5), SEED)
        store("verify", work)
    thinned(work)
    check(events(work) == wanted, "killed and repeated, it ends as if it had not been killed")
    return count


def thin_copy(plain):
    path = copy(plain, "whole.store")
    thinned(path)
    return path


def main():
    exact = store_make("exact.store")
    store("compact", exact)
    path = what_it_says(exact)
    what_is_refused(path)
    print(f"killed {kills()} of {KILLS} times, seed {SEED}")


main()
