"""See chaos_test.sh."""
import collections
import glob
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import ingesters
import lab
from ingesters import Ingester, must, words

WORK = os.environ["BTR_WORK"]
LONG = bool(os.environ.get("BTR_LONG"))
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
FAULTS_S = int(os.environ.get("BTR_CHAOS_S", "1200" if LONG else "30"))  # so long faults happen while records come
EVENTS_MAX = 10 ** 9 if LONG else 6000  # of a host and recording
PAUSE_S = 30 if LONG else 10  # more than a session of the group: others get what the one that stands still had
BETWEEN_S = (2, 9) if LONG else (1, 5)  # faults
DISK_MIB = 600 if LONG else 96
RESENT_FROM, RESENT = 4000, 1500  # of the last so many messages of a host, up to so many are sent again
IDLE_S = 66  # what descriptors have open is told 60 s after a host's last record
NAMESPACE = "BTR_IN_NAMESPACE"  # set once this runs in a mount namespace of its own


def recordings():
    """Folders, oldest first: the hosts of them all are one fleet, whose logs follow each other."""
    shared = os.environ.get("BTR_SHARED_DIR") or os.path.join(os.environ["BTR_SOURCE_DIR"], "..", "shared")
    found = {os.path.basename(os.path.dirname(path)): os.path.dirname(path) for path in glob.glob(f"{shared}/datasets/lab/*/truth.json")}
    if not found or not LONG:
        found = {"web_cmdi": ingesters.DATA}
    print(f"recordings: {', '.join(sorted(found))}")
    return sorted(found.values(), key=lambda folder: truth(folder)["start"])


def truth(folder):
    with open(f"{folder}/truth.json", encoding="utf-8") as file:
        return json.load(file)


def logs(folder):
    return {os.path.basename(path).split(".")[0]: path for path in sorted(glob.glob(f"{folder}/*.audit.log.zst"))}


def events(path):
    """Values of messages: the lines of each event."""
    with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE) as unpack:
        lines = (line.rstrip(b"\n") for line in unpack.stdout)
        for _, group in itertools.groupby(lines, lambda line: line[line.index(b"audit("):line.index(b")")]):
            yield b"\n".join(group)


class Input(threading.Thread):
    """Sends all recordings in the time that faults take, and now and then a part of it again."""

    def __init__(self, producer, folders, chance):
        super().__init__(daemon=True)
        self.producer, self.folders, self.chance = producer, folders, chance
        self.sent = self.again = 0
        self.resend = threading.Event()
        self.failed = None

    def run(self):
        try:
            for folder in self.folders:
                self.recording(folder)
        except BaseException as why:  # pylint: disable=broad-except
            self.failed = why
            raise

    def recording(self, folder):
        counts = truth(folder)["hosts"]
        per_host = {host: min(EVENTS_MAX, counts[host]["events"]) for host in logs(folder)}
        all_counts = sum(min(EVENTS_MAX, host["events"]) for each in self.folders for host in truth(each)["hosts"].values())
        took_s = FAULTS_S * sum(per_host.values()) / all_counts
        ticks = max(int(took_s / 0.25), 1)
        sources = {host: itertools.islice(events(path), EVENTS_MAX) for host, path in logs(folder).items()}
        last = {host: collections.deque(maxlen=RESENT_FROM) for host in sources}
        began = time.monotonic()
        for tick in range(1, 1 << 30):
            messages = []
            for host, source in list(sources.items()):
                some = list(itertools.islice(source, per_host[host] // ticks + 1))
                if not some:
                    del sources[host]
                messages += [(host.encode(), event) for event in some]
                last[host].extend(some)
            self.sent += len(messages)
            self.producer.feed(messages + self.some_again(last))
            if not sources:
                return
            time.sleep(max(0, began + tick * 0.25 - time.monotonic()))

    def some_again(self, last):
        if not self.resend.is_set():
            return []
        self.resend.clear()
        host = self.chance.choice(sorted(last))
        held = list(last[host])
        begin = self.chance.randrange(len(held)) if held else 0
        again = [(host.encode(), event) for event in held[begin:begin + RESENT]]
        self.again += len(again)
        return again


class Member:
    """An ingester of the group, kept running as a service manager would."""

    def __init__(self, number, kafka, hosts):
        self.folder = os.path.join(WORK, f"disk{number}")
        os.makedirs(self.folder)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", self.folder]
        self.is_disk = subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode == 0
        self.store = os.path.join(self.folder, "store")
        self.log = os.path.join(WORK, f"member{number}.log")
        # Who is gone is missed soon, so that much moves.
        self.command = words(self.store, kafka, "fleet", "--group", "chaos", "--state-topic", "fleet.state", "-X", "session.timeout.ms=6000", hosts=hosts)
        self.ingester = Ingester(self.command, log=self.log)
        self.start_at, self.resume_at, self.room_at = 0, None, None
        self.ended = collections.Counter()  # exit statuses

    def free(self):
        """Whether it works undisturbed."""
        return self.ingester is not None and self.resume_at is None and self.room_at is None

    def tend(self):
        now = time.monotonic()
        if self.room_at is not None and now >= self.room_at:
            os.remove(os.path.join(self.folder, "ballast"))
            self.room_at = None
        if self.resume_at is not None and now >= self.resume_at:
            self.ingester.signal(signal.SIGCONT)
            self.resume_at = None
        if self.ingester and not self.ingester.running():
            status = self.ingester.process.returncode
            self.ended[status] += 1
            assert status in (0, 3, -signal.SIGKILL), f"status {status}: {self.said()[-3000:]}"
            self.ingester = None
            self.start_at = max(self.start_at, now + 1)
        if not self.ingester and now >= self.start_at:
            self.ingester = Ingester(self.command, log=self.log)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def moves(self):
        """How often it was given partitions."""
        return self.said().count("partitions more are read here")

    # ---- Faults ----

    def kill(self, chance):
        self.start_at = time.monotonic() + chance.uniform(0, 3)
        self.ingester.kill()

    def leave(self, chance):
        self.start_at = time.monotonic() + chance.uniform(0.5, 5)
        self.ingester.signal(signal.SIGTERM)

    def pause(self, _):
        self.resume_at = time.monotonic() + PAUSE_S
        self.ingester.signal(signal.SIGSTOP)

    def fill(self, chance):
        self.room_at = time.monotonic() + chance.uniform(2, 6)
        with open(os.path.join(self.folder, "ballast"), "wb", buffering=0) as out:
            size = 8 << 20
            while size > 0:
                try:
                    out.write(b"x" * size)
                except OSError:
                    size //= 2


class Chaos:
    def __init__(self, kafka, members, chance, resend):
        self.kafka, self.members, self.chance, self.resend = kafka, members, chance, resend
        self.counts = collections.Counter()
        self.began = time.monotonic()
        self.due = []
        self.broker_at = None

    def kinds(self):
        kinds = ["kill", "leave", "pause", "broker", "resend"] + (["fill"] if self.members[0].is_disk else [])
        return self.chance.sample(kinds, len(kinds))

    def note(self, text):
        """What happened when, for whoever has to understand a failure."""
        with open(os.path.join(WORK, "faults.log"), "a", encoding="utf-8") as log:
            log.write(f"{time.time():.1f} {time.monotonic() - self.began:.1f} s: {text}\n")

    def fault(self):
        """One of a kind after the other, in random order; of the members that work."""
        self.due = self.due or self.kinds()
        kind = kind_of = self.due.pop()
        free = [member for member in self.members if member.free()]
        if kind == "resend":
            self.resend.set()
        elif kind == "broker":
            if self.broker_at is not None:
                return
            self.kafka.kill()
            self.broker_at = time.monotonic() + self.chance.uniform(0, 6)
        elif not free:
            return
        else:
            member = self.chance.choice(free)
            getattr(member, kind)(self.chance)
            kind_of = f"{kind} of {os.path.basename(member.folder)}"
        self.note(kind_of)
        self.counts[kind] += 1

    def tend(self):
        if self.broker_at is not None and time.monotonic() >= self.broker_at:
            self.kafka.start()
            self.broker_at = None
        for member in self.members:
            member.tend()

    def calm(self):
        """Whether nothing is broken any more."""
        return self.broker_at is None and all(member.free() for member in self.members)

    def until(self, true, what, seconds):
        """Tends until it is true."""
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, f"not within {seconds} s: {what}"
            self.tend()
            time.sleep(0.1)

    def settled(self, seconds):
        """Until no partition has moved for so long."""
        moves, since = None, 0.0
        until = time.monotonic() + 300
        while moves is None or time.monotonic() - since < seconds:
            assert time.monotonic() < until, "partitions go on moving"
            now = [member.moves() for member in self.members]
            if now != moves:
                moves, since = now, time.monotonic()
                self.note(f"partitions came {moves} times")
            self.tend()
            time.sleep(0.1)

    def run(self, source):
        while source.is_alive():
            next_at = time.monotonic() + self.chance.uniform(*BETWEEN_S)
            self.until(lambda: time.monotonic() >= next_at, "a moment", 600)
            if source.is_alive():
                self.fault()
        assert source.failed is None, source.failed


# ---- What must be equal --------------------------------------------------------------------------


def covered(intervals):
    """Of each flow the times that its intervals cover, joined where they meet."""
    times = collections.defaultdict(list)
    for line in intervals:
        fields = line.split(b"\t")
        times[b"\t".join([*fields[:3], *fields[8:9], *fields[10:]])].append((int(fields[4]), int(fields[5])))
    for key, spans in times.items():
        spans.sort()
        joined = [list(spans[0])]
        for first, last in spans[1:]:
            if first <= joined[-1][1] + 1:
                joined[-1][1] = max(joined[-1][1], last)
            else:
                joined.append([first, last])
        times[key] = joined
    return times


def same_times(got, expected):
    found, wanted = covered(got), covered(expected)
    other = [key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)]
    for key in other[:5]:
        print(f"{key}: {found.get(key)} for {wanted.get(key)}", file=sys.stderr)
    return len(other), len(wanted)


def traced(stores, host, record):
    options = [word for store in stores for word in ("--store", store)]
    out, _ = must([ingesters.BACKTRAIL, "trace", "--strategy", "backtracker", *options, "--from", f"record:{host}/{record}", "--output", "json", "--evidence", "all",
                   "--no-stats"])
    return json.loads(out)


def closure(trace):
    """Nodes, edges, and the records behind those edges that happened at a moment."""
    nodes = {node["id"] for node in trace["nodes"]}
    edges = {(edge["from"], edge["to"], edge["operation"], edge["interval"]) for edge in trace["edges"]}
    moments = {(edge["from"], edge["to"], edge["operation"], e["host"], e["id"], json.dumps(e["origin"]))
               for edge in trace["edges"] if not edge["interval"] for e in edge["evidence"]}
    return nodes, edges, {moment[:5] for moment in moments}


def is_interval(line):
    return int(line.split(b"\t")[11]) & ingesters.INTERVAL


def once_in_each(dumps):
    """No store tells an event of a moment twice. (What was open may be told again from an older state: it counts once in queries.)
    Returns how many events are told by two stores or more."""
    for dump in dumps:
        twice = [line for line, count in dump.items() if count > 1 and line.startswith(b"event") and not is_interval(line)]
        assert not twice, f"an event is twice in one store: {twice[:3]}"
    events = [line for dump in dumps for line in dump if line.startswith(b"event")]
    return len(events) - len(set(events))


def compare(stores, plain):
    """Events of a moment are the same, each once; open descriptors cover the same times; and nothing was put aside or is missing."""
    dumps = [ingesters.dump(store) for store in stores]
    overlap = once_in_each(dumps)
    whole = dumps[0]
    for dump in dumps[1:]:
        whole |= dump
    got, expected = ingesters.sorted_out(whole), ingesters.told(plain)
    found = ingesters.differences(got.instants, expected.instants)
    assert not found, f"events: {found}"
    records = ingesters.records_of(expected.instants)
    assert ingesters.records_of(got.instants) == records, "records that events tell"
    assert not got.quarantined and not got.gaps, f"{list(got.quarantined)[:3]} {list(got.gaps)[:3]}"
    other, flows = same_times(got.intervals, expected.intervals)
    print(f"{sum(got.instants.values())} events of {len(records)} records, each once; {overlap} told by more than one store")
    print(f"{flows} flows through open descriptors, {sum(got.intervals.values())} intervals for {sum(expected.intervals.values())}: {other} differ")
    return other, records


def alerts(folder, records):
    """(name, host, record) of the alerts of a recording; where only its beginning was read, of each host's last record."""
    told = [(alert["name"], alert["host"], alert["serial"]) for alert in truth(folder)["alerts"]]
    last = {}
    for host, record in records:
        last[host.decode()] = max(last.get(host.decode(), 0), int(record))
    return told if LONG else [("last", host, record) for host, record in sorted(last.items())]


def closures(stores, plain, folders, records):
    """Of every alert. Returns how many differ."""
    differ = 0
    for folder in folders:
        for name, host, record in alerts(folder, records):
            got, expected = traced(stores, host, record), traced([plain], host, record)
            if LONG:
                scored(folder, name, got, expected)
            parts = [len(a ^ b) for a, b in zip(closure(got), closure(expected))]
            differ += any(parts)
            print(f"{os.path.basename(folder)} {name} {host}/{record}: {len(expected['nodes'])} nodes, {len(expected['edges'])} edges; "
                  f"differ: {parts[0]} nodes, {parts[1]} edges, {parts[2]} records")
    return differ


def scored(folder, name, *answers):
    """What the lab's own scorer, where it is at hand, says of both."""
    tool = os.path.join(os.environ.get("BTR_SHARED_DIR") or os.path.join(os.environ["BTR_SOURCE_DIR"], "..", "shared"), "tools", "score.py")
    if not os.path.exists(tool):
        return
    said = []
    for number, answer in enumerate(answers):
        path = os.path.join(WORK, f"trace{number}.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(answer, out)
        said.append(must([sys.executable, tool, "--alert", name, f"{folder}/truth.json", path])[0])
    print(said[0].splitlines()[0] if said[0] == said[1] else f"the scorer says {said[0]}for {said[1]}")


# ---- All of it -----------------------------------------------------------------------------------


def inventory(folders):
    hosts = {}
    for folder in folders:
        with open(f"{folder}/hosts.json", encoding="utf-8") as file:
            hosts |= json.load(file)
    path = os.path.join(WORK, "hosts.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(hosts, out)
    return path


def plain_ingest(folders, hosts):
    """The same logs as files, the recordings after each other as rotated logs. Returns the store."""
    into = os.path.join(WORK, "logs")
    os.makedirs(into)
    for number, folder in enumerate(reversed(folders)):
        for host, path in logs(folder).items():
            with open(f"{into}/{host}.audit.log.{number}" if number else f"{into}/{host}.audit.log", "wb") as out:
                for event in itertools.islice(events(path), EVENTS_MAX):
                    out.write(event + b"\n")
    store = os.path.join(WORK, "plain")
    must(ingesters.files(store, into, hosts=hosts))
    shutil.rmtree(into)
    return store


def known(kafka, topic):
    try:
        return len(kafka.watermarks(topic)) == 12
    except lab.LabError:
        return False


def all_read(kafka):
    try:
        return kafka.lag("chaos", "fleet") == 0
    except lab.LabError:
        return False


def chaos(kafka, folders, hosts):
    """Returns the stores of the members."""
    chance = random.Random(SEED)
    kafka.topic("fleet", partitions=12)
    ingesters.wait_until(lambda: known(kafka, "fleet"), "the topic is there")
    members = [Member(number, kafka, hosts) for number in range(3)]
    with kafka.producing("fleet", None, deadline_s=FAULTS_S * 3 + 600, codec="lz4") as producer:
        source = Input(producer, folders, random.Random(SEED + 1))
        storm = Chaos(kafka, members, chance, source.resend)
        storm.until(lambda: all(member.moves() for member in members), "each has partitions", 120)
        began = time.monotonic()
        source.start()
        storm.run(source)
        storm.until(storm.calm, "all is mended", 120)
        sent = producer.wait()
    assert sent.acknowledged.messages == source.sent + source.again, sent
    storm.until(lambda: all_read(kafka), "all is read", 300)
    print(f"{source.sent} messages and {source.again} again in {time.monotonic() - began:.0f} s; faults: "
          f"{', '.join(f'{kind} {count}' for kind, count in sorted(storm.counts.items()))}", flush=True)
    storm.settled(IDLE_S)
    for member in members:
        assert member.ingester.stop() == 0, member.said()[-3000:]
        print(f"{os.path.basename(member.folder)}: partitions came {member.moves()} times; it ended with {dict(member.ended)}")
    return [member.store for member in members if os.path.isdir(os.path.join(member.store, "catalog"))]


def main():
    if NAMESPACE not in os.environ:  # mounts are seen by nobody else, and need no root
        lab.need()
        env = {**os.environ, NAMESPACE: "1", "BTR_SEED": str(SEED)}
        unshare = ["unshare", "--mount", "--map-root-user"]
        if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            sys.exit(subprocess.run([*unshare, sys.executable, __file__], env=env, check=False).returncode)
    print(f"seed {SEED}, {FAULTS_S} s", flush=True)
    folders = recordings()
    hosts = inventory(folders)
    with lab.Broker(os.path.join(WORK, "kafka")) as kafka:
        stores = chaos(kafka, folders, hosts)
    plain = plain_ingest(folders, hosts)
    try:
        differ, records = compare(stores, plain)
        differ += closures(stores, plain, folders, records)
        assert differ == 0, f"{differ} differences"
    except AssertionError:
        for number, store in enumerate(stores): # what was mounted goes with this process
            subprocess.run(["cp", "-a", store, os.path.join(WORK, f"failed{number}")], check=True)
        raise


main()
