"""See broker_test.sh."""
import os
import re
import socket
import subprocess
import time

import lab

DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
WORK = os.environ["BTR_WORK"]
STAMP = re.compile(rb"msg=audit\(([^)]*)\)")


def numbered(first, end):
    return [str(number).encode() for number in range(first, end)]


def equal(got, expected, what):
    assert got == expected, f"{what}: {str(got)[:500]}, not {str(expected)[:500]}"


def numbers(kafka, topic):
    return sorted(int(record.value) for record in kafka.records(topic))


def kcats_records_are_read_back_whole(kafka):
    """The ordinary producer, a line a message, keyed by host, with Java's partitioner."""
    kafka.topic("kcat")
    messages = size = 0
    for host in ("bast01", "bkp01"):
        log = f"{DATA}/{host}.audit.log.zst"
        with subprocess.Popen(["zstd", "-dcq", log], stdout=subprocess.PIPE) as unpack:
            subprocess.run(["kcat", "-P", "-b", kafka.address(), "-t", "kcat", "-k", host, "-z", "lz4", "-X", "partitioner=murmur2_random",
                            "-X", "message.timeout.ms=100000"], stdin=unpack.stdout, check=True, timeout=120)
        lines = lab.digest(log)
        messages, size = messages + lines.messages, size + lines.bytes
    found = kafka.read("kcat")
    equal((found.messages, found.bytes), (messages, size), "messages and bytes of both hosts")
    filled = [partition for partition, (begin, end) in kafka.watermarks("kcat").items() if end > begin]
    assert 1 <= len(filled) <= 2, f"two keys are in {len(filled)} partitions"


def events_of_the_own_producer_are_the_files(kafka):
    """Lines of one stamp are one message; every compression; the sums are those of the file."""
    log, lines = f"{DATA}/bast01.audit.log.zst", lab.digest(f"{DATA}/bast01.audit.log.zst")
    events = lab.digest(log, "audit")
    equal(events.bytes + events.messages, lines.bytes + lines.messages, "bytes and newlines of events and of lines")
    for codec in ("none", "lz4", "zstd", "snappy", "gzip"):
        kafka.topic(codec, partitions=2)
        sent = kafka.produce(codec, log, form="audit", key="bast01", codec=codec)
        equal((sent.read, sent.acknowledged, kafka.read(codec)), (events, events, events), codec)
    keys = {record.key for record in kafka.records("none")}
    equal(keys, {b"bast01"}, "keys")


def forms_of_messages_arrive_as_they_are(kafka):
    kafka.topic("forms", partitions=1)
    messages = [(None, b""), (b"k", None), (b"", b"\n\0\xff"), (b"k", b"x" * (10 << 20)), b"plain"]
    kafka.produce("forms", messages)
    pairs = [message if isinstance(message, tuple) else (None, message) for message in messages]
    equal([(record.key, record.value) for record in kafka.records("forms")], pairs, "tombstones, empty, binary and large values")
    sent = kafka.produce("forms", numbered(0, 1000), twice=10)
    equal((sent.read.messages, sent.acknowledged.messages), (1000, 1100), "each tenth message twice")


def a_recording_is_told_again_by_many(kafka):
    """As many as are asked for, in turn; stamps are those at which each message is due, serials go on for each host."""
    kafka.topic("replay", partitions=1)
    began = time.time()
    sent = kafka.produce("replay", f"{DATA}/bast01.audit.log.zst", form="audit", hosts=50, rate=1000, seconds=2)
    assert began - 1 <= sent.began_ms / 1000 <= time.time(), sent
    for number, record in enumerate(kafka.records("replay")):
        stamps = set(STAMP.findall(record.value))
        due = sent.began_ms + number
        equal((record.key, stamps), (b"host-%07d" % (number % 50), {b"%d.%03d:%d" % (due // 1000, due % 1000, 1000 + number // 50)}), number)
    equal((sent.acknowledged.messages, number), (2000, 1999), "messages")


def aborted_transactions_are_not_read(kafka):
    kafka.topic("transactions", partitions=2)
    sent = kafka.produce("transactions", numbered(0, 1050), transactions="tests", commit=100, abort=3)
    kept = [n for n in range(1050) if n // 100 % 3 != 2]
    equal(numbers(kafka, "transactions"), kept, "what was committed")
    equal((sent.acknowledged.messages, sent.aborted.messages), (len(kept), 1050 - len(kept)), "what the producer says of it")
    assert kafka.messages("transactions") > 1050, "marks of transactions have offsets"


def deleted_records_move_the_begin(kafka):
    kafka.topic("deleted", partitions=1)
    kafka.produce("deleted", numbered(0, 100))
    kafka.records_delete("deleted", 0, 40)
    equal(kafka.watermarks("deleted"), {0: (40, 100)}, "watermarks")
    equal(numbers(kafka, "deleted"), list(range(40, 100)), "what is left")
    kafka.topic_delete("deleted")
    try:
        kafka.read("deleted", deadline_s=5)
    except lab.LabError:
        return
    raise AssertionError("a topic that was deleted was read")


def wait_until(true, what, seconds=60):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def a_crash_loses_and_doubles_nothing(kafka):
    """kill -9 twice and a standstill in the middle of an idempotent production: each acknowledged message is there once."""
    kafka.topic("crash", partitions=4)
    with kafka.producing("crash", None) as producer:
        fed = 0
        for fault, mend in ((kafka.kill, kafka.start), (kafka.kill, kafka.start), (kafka.pause, kafka.resume)):
            producer.feed(numbered(fed, fed + 8000))
            wait_until(lambda least=fed: kafka.messages("crash") > least, "the production goes on")
            fault()
            producer.feed(numbered(fed + 8000, fed + 10000))
            fed += 10000
            time.sleep(0.5)  # so that the producer meets the fault
            mend()
        sent = producer.wait()
    equal(sent.acknowledged.messages, fed, "acknowledged")
    equal(numbers(kafka, "crash"), list(range(fed)), "what is there")


def what_was_stopped_comes_back(kafka):
    before = kafka.read("crash")
    kafka.stop()
    assert not kafka.running()
    kafka.start()
    equal(kafka.read("crash"), before, "after stop and start")


def restored_data_have_lost_what_came_later(kafka):
    kafka.topic("lossy", partitions=1)
    kafka.produce("lossy", numbered(0, 100))
    kafka.kill()
    kafka.data_save(os.path.join(WORK, "copy"))
    kafka.start()
    kafka.produce("lossy", numbered(100, 200))
    equal(kafka.watermarks("lossy"), {0: (0, 200)}, "before")
    kafka.kill()
    kafka.data_restore(os.path.join(WORK, "copy"))
    kafka.start()
    equal(kafka.watermarks("lossy"), {0: (0, 100)}, "after")
    kafka.produce("lossy", numbered(500, 510))
    equal(numbers(kafka, "lossy"), [*range(100), *range(500, 510)], "offsets were given again")


def a_taken_port_is_refused(kafka):
    kafka.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", kafka.ports["plain"]))
        other.listen()
        try:
            kafka.start()
        except lab.BrokerError as refused:
            assert str(kafka.ports["plain"]) in str(refused)
        else:
            raise AssertionError("started on another process's port")
    kafka.start()


TESTS = (kcats_records_are_read_back_whole, events_of_the_own_producer_are_the_files, forms_of_messages_arrive_as_they_are,
         a_recording_is_told_again_by_many, aborted_transactions_are_not_read, deleted_records_move_the_begin,
         a_crash_loses_and_doubles_nothing, what_was_stopped_comes_back, restored_data_have_lost_what_came_later, a_taken_port_is_refused)

lab.need()
with lab.Broker(os.path.join(WORK, "kafka")) as broker:
    for test in TESTS:
        began = time.monotonic()
        test(broker)
        print(f"{test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
