#!/usr/bin/env python3
"""A query has one snapshot from start to end: files that were merged since stay as long as a reader of before lives,
and go when it was killed; --max-s ends one that lives too long."""
import os
import subprocess
import sys

BACKTRAIL = os.environ["BACKTRAIL"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
WORK = os.environ["BTR_WORK"]
LOOKS = 3000  # at a reader that starts, 20 ms apart
INPUT_SIZE = 2 << 20  # bytes of text


def run(words, status=0):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != status:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done


def check(holds, what):
    if not holds:
        sys.exit(f"not so: {what}")


def input_make(name, begin, end):
    text = subprocess.run(["zstd", "-dcq", f"{DATA}/web01.audit.log.zst"], stdout=subprocess.PIPE, check=True).stdout
    path = os.path.join(WORK, name)
    with open(path, "wb") as out:
        out.write(text[text.find(b"\n", begin) + 1 : text.find(b"\n", end) + 1])
    return path


def ingest(store, path, events=300):
    run([BACKTRAIL, "ingest", "--store", store, "--quiet", "--segment-events", str(events), f"web01={path}"])


def compact(store):
    run([BACKTRAIL, "store", "compact", "--store", store])


def files(store):
    return {name for _, _, names in os.walk(store) for name in names if name.endswith(".bseg")}


def hang_make():
    """A store whose opening never ends: its catalog is a pipe that nobody writes to."""
    folder = os.path.join(WORK, "hang", "catalog")
    os.makedirs(folder)
    os.mkfifo(os.path.join(folder, "data.mdb"))
    return os.path.join(WORK, "hang")


def sleeps_beside(pid, path):
    """Whether a process sleeps, and has this file open."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            sleeps = stat.read().rpartition(b")")[2].split()[0] == b"S"
        return sleeps and any(os.readlink(f"/proc/{pid}/fd/{name}") == path for name in os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:
        return False


def ended(child, within_s):
    try:
        child.wait(within_s)
        return True
    except subprocess.TimeoutExpired:
        return False


def reader_start(store, hang, *more):
    """A query that has opened its snapshot of `store`, and waits for the other one: it sleeps for nothing else for long."""
    child = subprocess.Popen([BACKTRAIL, "find", "--store", store, "--store", hang, *more], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    seen = 0
    for _ in range(LOOKS):
        seen = seen + 1 if sleeps_beside(child.pid, os.path.join(store, "catalog", "lock.mdb")) else 0
        if seen == 5 or ended(child, 0.02):
            break
    if seen < 5 and child.returncode is None:
        child.kill()
        sys.exit("the reader never waited for the other store")
    if child.returncode is not None:
        sys.exit(f"the reader ended by itself: {child.returncode}\n{child.stderr.read().decode(errors='replace')}")
    return child


def files_stay_for_living_readers(hang):
    store = os.path.join(WORK, "merged.store")
    path = input_make("merged.log", 0, INPUT_SIZE)
    ingest(store, path)
    of_before = files(store)
    reader = reader_start(store, hang)
    compact(store)
    compact(store)  # opens and sweeps again
    check(of_before <= files(store), "files stay while a reader of before lives")
    late = reader_start(store, hang)
    reader.kill()
    reader.communicate()
    compact(store)
    now = files(store)
    check(len(now) == 1 and not now & of_before, "they go when that reader is dead, whatever later readers there are")
    check(b"segments         1\n" in run([BACKTRAIL, "store", "stat", "--store", store]).stdout, "one segment is left")
    late.kill()
    late.communicate()


def a_reader_is_ended(hang):
    store = os.path.join(WORK, "merged.store")
    reader = reader_start(store, hang, "--max-s", "1")
    _, err = reader.communicate()
    check(reader.returncode == 3, f"--max-s ends a query with status 3, not {reader.returncode}")
    check(err.count(b"\n") == 1 and b"ended after 1 s" in err and b"--max-s" in err, f"it says so: {err}")
    for bad in ("0", "x", "-1", "99999999999"):
        run([BACKTRAIL, "find", "--store", store, "--max-s", bad], 2)


def main():
    hang = hang_make()
    files_stay_for_living_readers(hang)
    a_reader_is_ended(hang)


main()
