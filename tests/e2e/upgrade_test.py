#!/usr/bin/env python3
"""A store whose catalog is of version 1 (tests/golden/store-v1.tar.zst, with a segment in the trash and records read
from standard input) is read as it is; a writer upgrades it, and what it tells stays the same."""
import hashlib
import os
import subprocess
import sys

BACKTRAIL, DUMP = os.environ["BACKTRAIL"], os.environ["BTR_DUMP_STORE"]
SOURCE, WORK = os.environ["BTR_SOURCE_DIR"], os.environ["BTR_WORK"]
STORE = os.path.join(WORK, "store-v1")
CATALOG = os.path.join(STORE, "catalog", "data.mdb")


def run(words, status=0, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **more)
    if done.returncode != status:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def check(holds, what):
    if not holds:
        sys.exit(f"not so: {what}")


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def answers():
    find = run([BACKTRAIL, "find", "--store", STORE, "--output", "json"])
    return b"\n".join(sorted(run([DUMP, STORE]).split(b"\n"))), find, run([BACKTRAIL, "store", "gaps", "--store", STORE])


def files():
    return {name: bytes_of(os.path.join(folder, name)) for folder, _, names in os.walk(STORE) for name in names if name.endswith(".bseg")}


def root(data):
    """RFC 6962, section 2.1, over pieces of 64 KiB."""
    if len(data) <= 65536:
        return hashlib.sha256(b"\0" + data).digest()
    cut = 65536
    while cut * 2 < len(data):
        cut *= 2
    return hashlib.sha256(b"\1" + root(data[:cut]) + root(data[cut:])).digest()


def main():
    packed = subprocess.run(["zstd", "-dcq", f"{SOURCE}/tests/golden/store-v1.tar.zst"], stdout=subprocess.PIPE, check=True).stdout
    run(["tar", "-xf", "-", "-C", WORK], input=packed)
    before, catalog = answers(), bytes_of(CATALOG)
    verify = run([BACKTRAIL, "store", "verify", "--store", STORE])
    check(verify.endswith(b": sound\n") and b"head" not in verify, "version 1 has no chain")
    check(bytes_of(CATALOG) == catalog, "reading changes nothing")
    check(len(files()) == 4, "two of four segments are trash")

    again = [BACKTRAIL, "ingest", "--store", STORE, "--quiet", "bast01=-"]
    text = subprocess.run(["zstd", "-dcq", f"{SOURCE}/datasets/web_cmdi/bast01.audit.log.zst"], stdout=subprocess.PIPE, check=True).stdout
    run(again, input=b"".join(text.splitlines(True)[:240]))
    check(answers() == before, "an upgrade changes no answer, and records of standard input are known as before")
    left = files()
    check(len(left) == 2, "trash of before goes when no reader lives")
    verify = run([BACKTRAIL, "store", "verify", "--store", STORE])
    check(b": sound\n" in verify and b" after 1 changes\n" in verify, f"the upgrade is the first change: {verify}")
    noted = verify.split(b"head ")[1].split()[0].decode()

    roots = {name: root(data) for name, data in left.items()}
    chained = bytes_of(CATALOG)
    check(all(told in chained for told in roots.values()), "the roots are those of the files")
    run([BACKTRAIL, "store", "compact", "--store", STORE])
    verify = run([BACKTRAIL, "store", "verify", "--store", STORE, "--root", noted])
    check(b" after 2 changes; that of --root was the head after 1\n" in verify, f"a noted head is found: {verify}")
    stat = run([BACKTRAIL, "store", "stat", "--store", STORE])
    check(b"\nhead " in stat and b" after 2 changes of " in stat, "store stat tells the head")
    run([BACKTRAIL, "store", "verify", "--store", STORE, "--root", "0" * 64], 3)
    for bad in ("", "12", "g" * 64, noted + "00"):
        run([BACKTRAIL, "store", "verify", "--store", STORE, "--root", bad], 2)


main()
