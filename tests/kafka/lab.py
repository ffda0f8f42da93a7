"""What a test on a real Kafka broker needs, in one import:

    import lab
    lab.need()                                             # skips the test where no broker can run
    with lab.Broker(os.path.join(WORK, "kafka")) as kafka:
        kafka.topic("audit", partitions=12)
        sent = kafka.produce("audit", "web01.audit.log.zst", key="web01", form="audit")
        assert kafka.read("audit") == sent.acknowledged
        with kafka.producing("audit", None, key="web01") as producer:
            producer.feed([b"one"])
            kafka.kill()                                   # producers survive it
            producer.feed([b"two"])
            kafka.start()
            sent = producer.wait()

Every call is bounded by a deadline and raises LabError with what was said. Messages come from a file (.zst is unpacked), from bytes, or
from a list of messages: bytes, or a pair of key and value, each of them bytes or None.
"""
import collections
import contextlib
import json
import os
import struct
import subprocess
import tempfile

from node import LATEST, SCRAM, SECRET, USER, BrokerError, Node, missing, need  # noqa: F401, pylint: disable=unused-import

TOOL = os.environ["BTR_KAFKA_TOOL"]
DEADLINE_S = 120

Tally = collections.namedtuple("Tally", "messages bytes digest")  # of values; equal for any order of the same messages
# Tallies, a message sent twice is read once; and when hosts began to tell a recording again, in ms of the epoch.
Produced = collections.namedtuple("Produced", "read acknowledged aborted failed began_ms")
Record = collections.namedtuple("Record", "partition offset key value")


class LabError(Exception):
    """A call did not do its work; the text is what the tool said."""


def sized(messages):
    """A list of messages in the tool's form "sized"."""
    out = []
    for message in messages:
        key, value = message if isinstance(message, tuple) else (None, message)
        out.append(struct.pack("<II", *(0xFFFFFFFF if part is None else len(part) for part in (key, value))))
        out += [part for part in (key, value) if part]
    return b"".join(out)


@contextlib.contextmanager
def opened(source, form):
    """The source as an open file, and the form that its messages have there."""
    if source is None:
        yield subprocess.PIPE, "sized"
        return
    if isinstance(source, (list, tuple)):
        source, form = sized(source), "sized"
    if isinstance(source, bytes):
        with tempfile.TemporaryFile() as file:
            file.write(source)
            file.seek(0)
            yield file, form
    elif source.endswith(".zst"):
        with subprocess.Popen(["zstd", "-dcq", source], stdout=subprocess.PIPE) as unpack:
            try:
                yield unpack.stdout, form
            finally:
                unpack.stdout.close()
                unpack.kill()
    else:
        with open(source, "rb") as file:
            yield file, form


def tool(verb, *words, stdin=None, deadline_s=DEADLINE_S):
    """One call of kafka_tool. Returns what it printed."""
    done = subprocess.run([TOOL, verb, "--deadline", str(deadline_s), *words], stdin=stdin or subprocess.DEVNULL, capture_output=True,
                          timeout=deadline_s + 60, check=False)
    if done.returncode != 0:
        raise LabError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def digest(source, form="lines"):
    """The tally of messages that are sent nowhere."""
    with opened(source, form) as (file, its_form):
        return Tally(**json.loads(tool("digest", "--form", its_form, stdin=file)))


class Producer:
    """A producer at work."""

    def __init__(self, words, stdin, deadline_s):
        self.deadline_s = deadline_s
        self.process = subprocess.Popen([TOOL, "produce", "--deadline", str(deadline_s), *words], stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def running(self):
        return self.process.poll() is None

    def feed(self, messages):
        """More messages for a producer that was made without a source."""
        self.process.stdin.write(sized(messages))
        self.process.stdin.flush()

    def wait(self):
        """Until all is acknowledged. Returns a Produced."""
        out, err = self.process.communicate(timeout=self.deadline_s + 60)
        if self.process.returncode != 0:
            raise LabError(err.decode(errors="replace").strip())
        return Produced(**{name: Tally(**part) if isinstance(part, dict) else part for name, part in json.loads(out).items()})


class Broker(Node):
    """A node, and the calls of its clients. Those below go to the listener "plain" unless `client` has other settings (Node.client)."""

    def settings_words(self, client=None):
        return [word for key, value in (client or self.client()).items() for word in ("-X", f"{key}={value}")]

    def topic(self, name, partitions=12, **config):
        """Creates it. config: of the topic, with _ for the dots: cleanup_policy="compact"."""
        tool("create", *self.settings_words(), name, str(partitions), *(f"{key.replace('_', '.')}={value}" for key, value in config.items()))

    def topic_delete(self, name):
        tool("delete", *self.settings_words(), name)

    def records_delete(self, topic, partition, before):
        """As retention would: the partition then begins at offset `before`."""
        tool("delete-records", *self.settings_words(), topic, str(partition), str(before))

    def watermarks(self, topic, client=None, deadline_s=DEADLINE_S):
        """{partition: (first offset, end)}"""
        found = json.loads(tool("watermarks", *self.settings_words(client), topic, deadline_s=deadline_s))
        return {int(partition): tuple(pair) for partition, pair in found.items()}

    def messages(self, topic):
        """How many offsets its partitions hold: messages, and marks of transactions."""
        return sum(end - begin for begin, end in self.watermarks(topic).values())

    def committed(self, group, topic):
        """{partition: offset} of those in which the group has committed one."""
        found = json.loads(tool("committed", *self.settings_words(), group, topic))
        return {int(partition): offset for partition, offset in found.items()}

    def lag(self, group, topic):
        """How many offsets the group has not committed yet."""
        committed = self.committed(group, topic)
        return sum(end - committed.get(partition, begin) for partition, (begin, end) in self.watermarks(topic).items())

    def read(self, topic, client=None, deadline_s=DEADLINE_S):
        """The tally of all that is in the topic (of transactions: what is committed)."""
        return Tally(**json.loads(tool("read", *self.settings_words(client), topic, deadline_s=deadline_s)))

    def records(self, topic, client=None):
        """All of them, in the order of each partition."""
        data, at, found = tool("read", "--records", *self.settings_words(client), topic), 0, []
        while at < len(data):
            partition, offset, key_size, value_size = struct.unpack_from("<IQII", data, at)
            at, parts = at + 20, []
            for size in (key_size, value_size):
                parts.append(None if size == 0xFFFFFFFF else data[at:at + size])
                at += len(parts[-1] or b"")
            found.append(Record(partition, offset, *parts))
        return found

    @contextlib.contextmanager
    def producing(self, topic, source, form="lines", key=None, client=None, deadline_s=600, **options):
        """
        A producer that works while the block runs, and is killed at its end.
        source   as above; None: what Producer.feed() is given
        form     "lines"; "audit": lines of one event are one message
        key      of each message that has none of its own; partitions by key as Java's clients do, or `partition=N`
        options  of kafka_tool: codec, header="name=value", rate (a second), twice=N (each n-th message comes twice),
                 transactions="id", commit=N (messages), abort=N (each n-th transaction); hosts=N, rate, seconds: so many hosts
                 tell these audit events again, as of now, in turn, each of them its key: "host-0000000" and so on
        """
        with opened(source, form) as (file, its_form):
            words = ["--form", its_form, *(["--key", key] if key is not None else []), *self.settings_words(client)]
            words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
            producer = Producer([*words, topic], file, deadline_s)
            try:
                yield producer
            finally:
                if producer.running():
                    producer.process.kill()
                producer.process.wait()
                for end in (producer.process.stdin, producer.process.stdout, producer.process.stderr):
                    if end:
                        end.close()

    def produce(self, topic, source, **options):
        """As producing(), to the end. Returns a Produced."""
        with self.producing(topic, source, **options) as producer:
            return producer.wait()
