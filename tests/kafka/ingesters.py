"""Ingesters of topics, and what is in their stores, for tests that compare it with an ingest of the same logs as files.

    import ingesters
    ingesters.must(ingesters.words(store, kafka, "audit", "--once"))
    assert ingesters.told(store) == ingesters.told(plain)
"""
import collections
import os
import subprocess
import time

BACKTRAIL, DUMP = os.environ["BACKTRAIL"], os.environ["BTR_DUMP_STORE"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
INTERVAL = 1  # flag of an event: the flow happened at an unknown moment
DEADLINE_S = 300

# Counters of the lines of dump_store. Instants and intervals are without the place that they came from.
Told = collections.namedtuple("Told", "instants intervals gaps quarantined")


def run(words):
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=DEADLINE_S)


def must(words, status=0):
    """Runs it. Returns what it printed, and what it said."""
    done = run(words)
    assert done.returncode == status, f"{' '.join(words)}: status {done.returncode}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")


def words(store, kafka, topics, *options, hosts=f"{DATA}/hosts.json"):
    """Of an ingest of topics, one or several with commas between."""
    named = [word for topic in topics.split(",") for word in ("--topic", topic)]
    return [BACKTRAIL, "ingest", "--store", store, "--hosts", hosts, "--kafka", kafka.address(), *named, *options]


def files(store, *inputs, hosts=f"{DATA}/hosts.json"):
    """Of an ingest of files."""
    return [BACKTRAIL, "ingest", "--store", store, "--hosts", hosts, *inputs]


class Ingester:
    """One that follows topics until it is ended; what it says goes to `log`, by default STORE.log."""

    def __init__(self, command, log=None):
        self.log = log or command[command.index("--store") + 1] + ".log"
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, deadline_s=60):
        """SIGTERM. Returns the exit status."""
        self.process.terminate()
        return self.process.wait(deadline_s)

    def said(self):
        with open(self.log, encoding="utf-8", errors="surrogateescape") as log:
            return log.read()


def wait_until(true, what, seconds=120):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.1)


# ---- What stores hold ----------------------------------------------------------------------------


def dump(store):
    """Lines of dump_store, with how often each is there: places and all."""
    done = run([DUMP, store])
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return collections.Counter(line for line in done.stdout.split(b"\n") if line)


def joined(stores):
    """What two stores tell alike counts once."""
    whole = collections.Counter()
    for store in stores:
        whole |= dump(store)
    return whole


def told(*stores):
    """What the stores hold as one."""
    return sorted_out(joined(stores))


def sorted_out(lines):
    """What such lines tell."""
    found = Told(*(collections.Counter() for _ in Told._fields))
    for line, count in lines.items():
        kind, *fields = line.split(b"\t")
        if kind == b"event":  # operation subject object time first last bytes record line doubt flags host source input
            where = found.intervals if int(fields[10]) & INTERVAL else found.instants
            where[b"\t".join(fields[:8] + fields[9:13])] += count
        elif kind == b"gap":
            found.gaps[line] += count
        elif kind == b"quarantined":
            found.quarantined[line] += count
    return found


def differences(got, expected, most=5):
    """Of two counters, as text; empty when they are equal."""
    more, less = got - expected, expected - got
    lines = [f"{name} {line.decode(errors='replace')} ({count})" for name, lines in (("more:", more), ("less:", less))
             for line, count in sorted(lines.items())[:most]]
    return "\n".join([f"{sum(got.values())} for {sum(expected.values())}: {sum(more.values())} more, {sum(less.values())} less", *lines]
                     if more or less else [])


def same_events(got, expected, what):
    for field in ("instants", "intervals"):
        found = differences(getattr(got, field), getattr(expected, field))
        assert not found, f"{what}, {field}: {found}"


def records_of(lines):
    """(host, id) of the records that events tell."""
    found = set()
    for line in lines:
        fields = line.split(b"\t")
        found.add((fields[10], fields[7]))
    return found


# ---- Logs ----------------------------------------------------------------------------------------


def unpacked(path):
    return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout


def events_of(text):
    """Lines of an audit log, joined by event: a value of a message each."""
    events, stamp = [], None
    for line in text.splitlines():
        its = line[line.index(b"audit("):line.index(b")")]
        if its == stamp:
            events[-1] += b"\n" + line
        else:
            events.append(line)
        stamp = its
    return events


def beginning(host, events):
    """The first events of a host's log."""
    return events_of(unpacked(f"{DATA}/{host}.audit.log.zst"))[:events]


def log_write(folder, host, events):
    """Writes a log of events, and returns its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{host}.audit.log")
    with open(path, "wb") as out:
        out.write(b"".join(event + b"\n" for event in events))
    return path
