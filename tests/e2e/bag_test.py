#!/usr/bin/env python3
"""Segments go through a bag as they are: closures, find and counts are the same before and after. Twice is once, also
after merging; kill -9 at random moments leaves all or nothing; a bag that is not what it says of itself changes nothing.
BTR_SEED repeats a run; BTR_LONG=1 kills and cuts hundreds of times."""
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time

from kills import killed

BACKTRAIL, DUMP = os.environ["BACKTRAIL"], os.environ["BTR_DUMP_STORE"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
WORK = os.environ["BTR_WORK"]
LONG = bool(os.environ.get("BTR_LONG"))
KILLS, CUTS = (300, 400) if LONG else (15, 12)
INPUT_SIZE = (6 if LONG else 2) << 20  # bytes of text a host
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
ROOT = "backtrail-bag/"
TAGS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "backtrail-roots.txt", "backtrail-inputs.json")


def run(words, status=0):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != status:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}; seed {SEED}")
    return done.stdout if status == 0 else done.stderr


def store(verb, path, *more, status=0):
    return run([BACKTRAIL, "store", verb, "--store", path, *more], status)


def check(holds, what):
    if not holds:
        sys.exit(f"not so: {what}; seed {SEED}")


def store_make(name):
    path = os.path.join(WORK, name)
    for host in ("web01", "db01", "bast01"):
        text = subprocess.run(["zstd", "-dcq", f"{DATA}/{host}.audit.log.zst"], stdout=subprocess.PIPE, check=True).stdout
        log = os.path.join(WORK, f"{host}.audit.log")
        with open(log, "wb") as out:
            out.write(text[: text.rfind(b"\n", 0, INPUT_SIZE) + 1])
        run([BACKTRAIL, "ingest", "--store", path, "--hosts", f"{DATA}/hosts.json", "--quiet", "--segment-events", "800", log])
    return path


def dump(path):
    """All that is told, but for what was read, which stays with the store that read it."""
    return sorted(line for line in run([DUMP, path]).split(b"\n") if not line.startswith(b"input"))


def files(path):
    return {name: os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names if name.endswith(".bseg")}


def answers(path, specs):
    told = [run([BACKTRAIL, "find", "--store", path, "--output", "json"])]
    for spec in specs:
        for direction in ("--backward", "--forward"):
            told.append(run([BACKTRAIL, "trace", "--strategy", "backtracker", "--store", path, "--from", spec, direction, "--output", "json", "--no-stats",
                             "--evidence", "all"]).replace(path.encode(), b""))
    told.append(b"\n".join(line for line in store("stat", path, "--by", "host,source").split(b"\n")
                           if not line.startswith((b"inputs", b"catalog bytes", b"bytes per event", b"head"))))
    return told


def specs_find(path):
    found = []
    for host in (b"web01", b"db01"):
        ids = sorted({int(line.split(b"\t")[8]) for line in run([DUMP, path]).split(b"\n")
                      if line.startswith(b"event\texec\t") and b"\t" + host + b"\t" in line})
        found.append(f"record:{host.decode()}/{ids[len(ids) // 2]}")
    return found


def parts_of(bag):
    with tarfile.open(bag) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]


def bag_make(name, parts, edit=None):
    """Writes a tar of (name, bytes). @param edit  changes a member before it is written"""
    path = os.path.join(WORK, name)
    with tarfile.open(path, "w") as tar:
        for number, (inside, data) in enumerate(parts):
            member = tarfile.TarInfo(inside)
            member.size = len(data)
            if edit:
                edit(number, member)
            tar.addfile(member, io.BytesIO(data))
    return path


def tagged(parts):
    """The tag manifest made good again, as one would who forges a bag."""
    found = dict(parts)
    lines = b"".join(hashlib.sha256(found[ROOT + name]).hexdigest().encode() + b"  " + name.encode() + b"\n" for name in TAGS)
    return [(name, lines if name == ROOT + "tagmanifest-sha256.txt" else data) for name, data in parts]


def replaced(parts, name, data):
    return [(inside, data if inside == ROOT + name else old) for inside, old in parts]


def hostile(parts, chance):
    """Names of bags that must be refused."""
    segments = [number for number, (name, _) in enumerate(parts) if name.endswith(".bseg")]
    first = segments[0]
    name, data = parts[first]
    flipped = bytearray(data)
    flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    manifest = dict(parts)[ROOT + "manifest-sha256.txt"]
    roots = dict(parts)[ROOT + "backtrail-roots.txt"]
    forged = manifest.replace(hashlib.sha256(data).hexdigest().encode(), hashlib.sha256(flipped).hexdigest().encode())
    yield bag_make("up.tar", parts + [("../evil", b"x")])
    yield bag_make("absolute.tar", parts + [("/tmp/evil", b"x")])
    yield bag_make("within.tar", parts + [(ROOT + "data/../../evil.bseg", b"x")])
    yield bag_make("other.tar", parts + [(ROOT + "fetch.txt", b"http://x\n")])
    yield bag_make("twice.tar", parts + [parts[first]])
    yield bag_make("tags_twice.tar", [parts[0]] + parts)
    yield bag_make("missing.tar", parts[:-1])
    yield bag_make("no_tags.tar", parts[1:])
    yield bag_make("backwards.tar", parts[::-1])
    yield bag_make("flipped.tar", [(name, bytes(flipped)) if number == first else part for number, part in enumerate(parts)])
    yield bag_make("forged.tar", tagged(replaced([(name, bytes(flipped)) if number == first else part for number, part in enumerate(parts)],
                                                 "manifest-sha256.txt", forged)))
    yield bag_make("roots.tar", tagged(replaced(parts, "backtrail-roots.txt", roots[64:] + roots[:64])))
    yield bag_make("other_root.tar", tagged(replaced(parts, "backtrail-roots.txt", b"0" * 64 + roots[64:])))
    yield bag_make("upper.tar", tagged(replaced(parts, "manifest-sha256.txt", manifest.upper())))
    yield bag_make("short.tar", tagged(replaced(parts, "manifest-sha256.txt", manifest[:-1])))
    yield bag_make("tag.tar", replaced(parts, "bag-info.txt", b"Payload-Oxum: 1.1\n"))
    yield bag_make("version.tar", tagged(replaced(parts, "bagit.txt", b"BagIt-Version: 9.9\n")))
    for kind, word in ((tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "hard"), (tarfile.CHRTYPE, "device"), (tarfile.FIFOTYPE, "pipe")):
        def edit(number, member, kind=kind):
            if number == first:
                member.type, member.linkname, member.size = kind, "/etc/passwd", 0
        yield bag_make(f"{word}.tar", parts, edit)
    whole = bag_make("whole.tar", parts)
    with open(whole, "rb") as file:
        raw = file.read()
    end = len(raw.rstrip(b"\0"))
    for number in range(CUTS):
        path = os.path.join(WORK, "cut.tar")
        with open(path, "wb") as out:
            out.write(raw[: chance.randrange(end)])
        yield path
    subprocess.run(["zstd", "-qf", whole, "-o", os.path.join(WORK, "packed.tar")], check=True)
    yield os.path.join(WORK, "packed.tar")
    yield WORK
    yield os.path.join(WORK, "none.tar")


def refusals(parts, chance):
    there = store_make("there.store")
    run([BACKTRAIL, "store", "prune", "--store", there, "--before", "2100-01-01T00:00:00Z"])
    before, names = dump(there), files(there)
    catalog = store("verify", there)
    count = 0
    for bag in hostile(parts, chance):
        for path in (there, os.path.join(WORK, "absent.store")):
            err = store("import", path, bag, status=2)
            check(err.count(b"\n") == 1, f"{bag}: one line: {err}")
        check(not os.path.exists(os.path.join(WORK, "absent.store")), f"{bag}: no store is made")
        count += 1
    check(dump(there) == before and files(there) == names and store("verify", there) == catalog, "nothing is changed")
    check(not os.path.exists(os.path.join(os.path.dirname(WORK), "evil")), "nothing is written beside")
    print(f"{count} hostile bags refused")


def kills(bag, want, chance):
    path = os.path.join(WORK, "killed.store")
    began = time.monotonic()
    store("import", path, bag)
    whole_s, count, rounds = time.monotonic() - began, 0, 0
    while count < KILLS:
        shutil.rmtree(path, ignore_errors=True)
        rounds += 1
        count += killed([BACKTRAIL, "store", "import", "--store", path, bag], chance.uniform(0, whole_s), SEED)
        if os.path.exists(os.path.join(path, "catalog", "data.mdb")) and os.path.getsize(os.path.join(path, "catalog", "data.mdb")):
            done = subprocess.run([DUMP, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            got = sorted(line for line in done.stdout.split(b"\n") if not line.startswith(b"input"))
            check(done.returncode != 0 or got in (want, dump_of_nothing()), "all or nothing is there")
        store("import", path, bag)
        check(dump(path) == want, "the same command again ends it")
        store("verify", path)
    print(f"{count} kills of {rounds} imports: all or nothing")


def dump_of_nothing():
    return [b""]


def main():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    plain = store_make("plain.store")
    specs, want = specs_find(plain), dump(plain)
    told = answers(plain, specs)
    bag, again = os.path.join(WORK, "all.tar"), os.path.join(WORK, "again.tar")
    store("export", plain, bag)
    store("export", plain, bag, status=2)
    store("export", plain, again)
    with open(bag, "rb") as one, open(again, "rb") as other:
        check(one.read() == other.read(), "the same segments give the same bag")
    parts = parts_of(bag)
    for line in dict(parts)[ROOT + "manifest-sha256.txt"].decode().splitlines():
        digest, name = line.split("  ")
        check(hashlib.sha256(dict(parts)[ROOT + name]).hexdigest() == digest, "a stranger can check the bag")

    copy = os.path.join(WORK, "copy.store")
    store("import", copy, bag)
    check(dump(copy) == want, "what is told is the same")
    check(answers(copy, specs) == told, "closures, find and counts are the same")
    check(files(copy) == files(plain), "segments are as they were")
    check(b"; %d segments were there" % len(files(copy)) in store("import", copy, bag), "twice is once")
    store("compact", copy)
    check(b": 0 segments" in store("import", copy, bag) and dump(copy) == want, "also after merging")
    check(answers(copy, specs)[0] == told[0], "and find tells the same")
    store("prune", copy, "--before", "2100-01-01T00:00:00Z")
    check(not any(line.startswith(b"event") for line in dump(copy)), "all was pruned")
    store("import", copy, bag)
    check(dump(copy) == want, "and comes back from the bag")
    store("verify", copy)

    part = os.path.join(WORK, "part.tar")
    store("export", plain, part, "--hosts", "w*01")
    some = os.path.join(WORK, "some.store")
    store("import", some, part)
    hosts = {line.split(b"\t")[2] for line in dump(some) if line.startswith(b"event")}
    check(0 < len(files(some)) < len(files(plain)) and hosts, "a part of the hosts is a part of the segments")
    store("import", some, bag)
    check(dump(some) == want, "the rest comes to it")
    store("export", plain, os.path.join(WORK, "nothing.tar"), "--since", "2100-01-01T00:00:00Z", status=1)
    check(not os.path.exists(os.path.join(WORK, "nothing.tar")), "no empty bag")

    refusals(parts, chance)
    kills(bag, want, chance)


main()
