#!/usr/bin/env python3
"""Every call of the C library that a command makes fails once, or from then on: memory, writes (short ones, too), reads, syncs, names, maps, locks,
threads. After each: no crash and no report of a sanitizer; status 0 with the right answer, or 3 and one line that names the thing; the store is
sound; and after the same command without a fault it holds what it would have held.

Without BTR_LONG=1 a sample. BTR_SEED repeats a run. BTR_FAULTS=SCENARIO/CLASS narrows it down, "/" alone leaves nothing out and goes on after a
failure, as BTR_LONG does; BTR_SAMPLE=N takes N faults of each class; BTR_EVERY=1 takes every n-th call of memory, and not only each stack."""
import collections
import concurrent.futures
import os
import random
import re
import shutil
import sys
import threading

from faults import BACKTRAIL, DATA, ERRORS, SANITIZER_STATUS, dump, environment, ingest, inputs_make, must, run, told

WORK = os.environ["BTR_WORK"]
LONG = bool(os.environ.get("BTR_LONG"))
ONLY = os.environ.get("BTR_FAULTS", "")
EVERY = bool(os.environ.get("BTR_EVERY"))
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
JOBS = int(os.environ.get("BTR_JOBS", "0")) or os.cpu_count()
SHORT = 60  # faults in all in the short form
SAMPLE = int(os.environ.get("BTR_SAMPLE", "0")) or (0 if LONG or ONLY else 1)  # faults of a kind; 0: all

# What each class of calls fails with; "short" is a write that takes a part.
KINDS = {
    "alloc": ["ENOMEM"], "write": ["ENOSPC", "EIO", "short"], "sync": ["EIO", "ENOSPC"], "open": ["EMFILE", "EIO"], "read": ["EIO"],
    "stat": ["EIO"], "folder": ["EIO", "ENOSPC"], "rename": ["EIO", "ENOSPC"], "unlink": ["EIO"], "truncate": ["ENOSPC", "EIO"],
    "map": ["ENOMEM"], "lock": ["ENOLCK"], "thread": ["EAGAIN"], "close": ["EIO"],
}

Fault = collections.namedtuple("Fault", "scenario kind error lasting at stack")


class Scenario:
    """A command over a store. `begin` is the store before it (None: there is none), `final` is what the store holds after it."""

    def __init__(self, name, words, begin=None, stdin=None):
        self.name, self.words, self.begin, self.stdin = name, words, begin, stdin
        self.changes = name.startswith(("ingest", "compact"))
        self.counts, self.final, self.answer = {}, None, None

    def store_make(self, store):
        shutil.rmtree(store, ignore_errors=True)
        if self.begin:
            shutil.copytree(self.begin, store)

    def command(self, store):
        return [store if word == "STORE" else word for word in self.words]


def scenarios_make():
    logs, first, pipe = (os.path.join(WORK, name) for name in ("logs", "first", "pipe"))
    inputs_make(logs, ("web01", "db01", "bast01"), 4, 240000)
    os.makedirs(first)
    for name in sorted(os.listdir(logs)):
        if ".3" in name:
            shutil.copy(f"{logs}/{name}", first)
    lines = b"".join(must(["zstd", "-dcq", f"{logs}/web01.audit.log{part}.zst"]) for part in (".3", ".2"))
    for name, text in (("begin", lines[: len(lines) * 2 // 3]), ("rest", lines[len(lines) // 3:])):
        with open(pipe + name, "wb") as out:
            out.write(text[text.find(b"\n") + 1: text.rfind(b"\n") + 1])
    begun, piped, whole = (os.path.join(WORK, name) for name in ("begun.store", "piped.store", "whole.store"))
    must(ingest(begun, first))
    must(ingest(piped, "web01=-"), stdin=pipe + "begin")
    must(ingest(whole, logs))
    query = ["--store", "STORE"]
    return [
        Scenario("ingest", ingest("STORE", logs)),
        Scenario("ingest_more", ingest("STORE", logs), begin=begun),
        Scenario("ingest_keep", ingest("STORE", "--keep-records", first)),
        Scenario("ingest_pipe", ingest("STORE", "web01=-"), begin=piped, stdin=pipe + "rest"),
        Scenario("compact", [BACKTRAIL, "store", "compact", *query], begin=whole),
        Scenario("find", [BACKTRAIL, "find", *query, "--output", "json", "--kind", "process", 'process.executable like "*/*"'], begin=whole),
        Scenario("find_value", [BACKTRAIL, "find", *query, 'file.path == "/lib/x86_64-linux-gnu/libc.so.6"'], begin=whole),
        Scenario("trace", [BACKTRAIL, "trace", "--strategy", "backtracker", *query, "--from", record_of(whole), "--output", "json", "--no-stats", "--evidence", "all"], begin=whole),
        Scenario("forward", [BACKTRAIL, "trace", *query, "--from", "file:web01//etc/sv/sshd/supervise/stat.new", "--forward", "--no-stats"], begin=whole),
        Scenario("loss", [BACKTRAIL, "loss", *query, "--from", record_of(whole), "--assets", f"{DATA}/assets.yaml"], begin=whole),
        Scenario("loss_json", [BACKTRAIL, "loss", *query, "--from", record_of(whole), "--assets", f"{DATA}/assets.yaml", "--output", "json"], begin=whole),
        Scenario("verify", [BACKTRAIL, "store", "verify", *query], begin=whole),
        Scenario("stat", [BACKTRAIL, "store", "stat", "--by", "host,source", *query], begin=whole),
        Scenario("gaps", [BACKTRAIL, "store", "gaps", *query], begin=whole),
    ]


def record_of(store):
    """A late record of a process that has executed something."""
    rows = [line.split(b"\t") for line in dump(store).split(b"\n") if line.startswith(b"event\texec\t") and b"\tweb01\t" in line]
    return f"record:web01/{max(int(row[8]) for row in rows)}"


# ---- Which faults ----------------------------------------------------------------------------------


def count(scenario, kind=None):
    """Runs the command undisturbed. @return the calls of each class, and [(stack, calls, first)] of one"""
    store, log = os.path.join(WORK, "count.store"), os.path.join(WORK, "count.log")
    scenario.store_make(store)
    if os.path.exists(log):
        os.remove(log)
    env = environment(**{"class": kind}, log=log, stacks=1) if kind else environment(log=log)
    done = run(scenario.command(store), env, scenario.stdin)
    if done.returncode != 0:
        sys.exit(f"{scenario.name}, undisturbed: status {done.returncode}\n{told(done)}")
    scenario.answer = done.stdout.replace(store.encode(), b"STORE")
    if scenario.changes:
        scenario.final = dump(store)
    rows = [line.split() for line in open(log, encoding="ascii")]
    return {row[1]: int(row[2]) for row in rows if row[0] == "calls"}, [row[1:] for row in rows if row[0] == "stack"]


def faults_of(scenario, kind, calls):
    if calls == 0:
        return []
    places = [(n, None) for n in range(1, calls + 1)]
    if kind == "alloc" and not EVERY:
        places = [(None, stack) for stack, _, _ in count(scenario, kind)[1]]
    return [Fault(scenario, kind, error, lasting, at, stack) for error in KINDS[kind] for lasting in (False, True) for at, stack in places]


def faults_make(scenarios, chance):
    wanted_scenario, _, wanted_kind = ONLY.partition("/")
    chosen = []
    for scenario in scenarios:
        if wanted_scenario not in ("", scenario.name):
            continue
        calls, _ = count(scenario)
        for kind in KINDS:
            if wanted_kind not in ("", kind):
                continue
            scenario.counts[kind] = calls[kind]
            of_kind = faults_of(scenario, kind, calls[kind])
            if SAMPLE:
                of_kind = chance.sample(of_kind, min(len(of_kind), SAMPLE))
            chosen += of_kind
    chance.shuffle(chosen)
    return chosen if LONG or ONLY else chosen[:SHORT]


# ---- One fault -------------------------------------------------------------------------------------


class Failed(Exception):
    pass


def expect(holds, what):
    if not holds:
        raise Failed(what)


def goes_on(fault, done):
    """Segments that cannot be read are told, and the answer is of the rest. No memory is no damage."""
    return done.returncode == 3 and fault.kind not in ("alloc", "thread") and b"damaged" in done.stderr and b"store verify" in done.stderr


def line_judge(fault, done):
    """What a command says that fails: one line, and that names the thing."""
    text = told(done)
    expect(done.returncode == 3, f"status {done.returncode}: {text}")
    if goes_on(fault, done):
        return
    lines = text.split("\n")
    several = fault.scenario.changes  # one for each input that cannot be read, or one that the result cannot be told either
    expect(all(line.startswith("backtrail ") for line in lines) and len(lines) == len(set(lines)), f"unclear: {text!r}")
    expect(several or len(lines) == 1, f"not one line: {text!r}")
    expect(fault.kind in ("alloc", "thread") or all("/" in line or " -: " in line for line in lines), f"a line names no thing: {text!r}")


def run_judge(fault, done, store):
    text = told(done)
    expect(done.returncode >= 0, f"killed by signal {-done.returncode}: {text}")
    reported = done.returncode == SANITIZER_STATUS or "runtime error" in text
    expect(not reported, "a sanitizer's report: " + "; ".join(re.findall(r"ERROR: .*|runtime error: .*|#[0-9]+ 0x[0-9a-f]+ in .*", text)[:9]))
    answer = done.stdout.replace(store.encode(), b"STORE")
    if done.returncode == 0:
        expect(fault.scenario.changes or answer == fault.scenario.answer, "another answer, and status 0")
    else:
        line_judge(fault, done)
        free = fault.scenario.changes or fault.scenario.name == "verify" or goes_on(fault, done)
        expect(free or fault.scenario.answer.startswith(answer), "a wrong answer before it fails")


def store_judge(fault, done, store):
    """Sound after the fault, and whole after the same command again."""
    scenario = fault.scenario
    verified = run([BACKTRAIL, "store", "verify", "--store", store])
    none_yet = not scenario.begin and b"no store there" in verified.stderr
    expect(verified.returncode == 0 or none_yet, f"not sound: {verified.stdout.decode()} {told(verified)}")
    if done.returncode == 0 or scenario.name == "compact":
        expect(dump(store) == scenario.final, "the store holds something else")
    again = run(scenario.command(store), stdin=scenario.stdin)
    expect(again.returncode == 0, f"the command fails after it: {told(again)}")
    expect(dump(store) == scenario.final, "after the same command again the store holds something else")
    left = [name for _, _, names in os.walk(store) for name in names if name.endswith(".tmp")]
    expect(not left, f"left behind: {left}")


def fault_try(fault, folder):
    """@return (status, place), or raises Failed"""
    store, log = os.path.join(folder, "store"), os.path.join(folder, "log")
    fault.scenario.store_make(store)
    if os.path.exists(log):
        os.remove(log)
    short = 1 if fault.error == "short" else None
    env = environment(**{"class": fault.kind}, at=fault.at, stack=fault.stack, errno=None if short else ERRORS[fault.error], short=short,
                      lasting=1 if fault.lasting else None, log=log, tmpdir=None)
    done = run(fault.scenario.command(store), env, fault.scenario.stdin)
    rows = [line.split() for line in open(log, encoding="ascii")] if os.path.exists(log) else []
    places = [row[4] for row in rows if row[0] == "fault"]
    run_judge(fault, done, store)
    if fault.scenario.changes:
        store_judge(fault, done, store)
    return done.returncode, places[0] if places else None


def fault_words(fault):
    where = f"call {fault.at}" if fault.at else f"stack {fault.stack}"
    return f"{fault.scenario.name}/{fault.kind} {where} {fault.error}{' from then on' if fault.lasting else ''}"


class Tally:
    def __init__(self):
        self.lock, self.rows, self.places, self.failed = threading.Lock(), collections.Counter(), collections.defaultdict(set), []

    def add(self, fault, status, place):
        with self.lock:
            key = (fault.scenario.name, fault.kind)
            self.rows[(*key, "not met" if not place else status)] += 1
            if place:
                self.places[key].add(place)

    def fail(self, fault, why):
        with self.lock:
            self.failed.append(f"{fault_words(fault)}: {why}")
            print("FAILED", self.failed[-1], flush=True)

    def print(self, scenarios):
        print(f"{'scenario':<12} {'class':<9} {'calls':>7} {'faults':>7} {'ended':>7} {'refused':>8} {'not met':>8} {'places':>7}")
        for scenario in scenarios:
            for kind, calls in scenario.counts.items():
                key = (scenario.name, kind)
                ended, refused, unmet = (self.rows[(*key, what)] for what in (0, 3, "not met"))
                if ended + refused + unmet:
                    print(f"{key[0]:<12} {kind:<9} {calls:>7} {ended + refused + unmet:>7} {ended:>7} {refused:>8} {unmet:>8} {len(self.places[key]):>7}")


def main():
    print(f"seed {SEED}")
    scenarios = scenarios_make()
    faults, tally, local = faults_make(scenarios, random.Random(SEED)), Tally(), threading.local()
    numbers = iter(range(1 << 30))

    def one(fault):
        if tally.failed and not (LONG or ONLY):
            return
        if not hasattr(local, "folder"):
            local.folder = os.path.join(WORK, f"worker{next(numbers)}")
            os.makedirs(local.folder)
        try:
            tally.add(fault, *fault_try(fault, local.folder))
        except Failed as why:
            tally.fail(fault, why)

    with concurrent.futures.ThreadPoolExecutor(JOBS if LONG or ONLY else 1) as pool:
        list(pool.map(one, faults))
    tally.print(scenarios)
    if tally.failed:
        sys.exit(f"{len(tally.failed)} of {len(faults)} faults: something went wrong; seed {SEED}")
    print(f"{len(faults)} faults")


main()
