"""See ingest_test.sh."""
import json
import os
import random
import subprocess
import time

import ingesters
import lab
from ingesters import DATA, Ingester, must, told, wait_until, words

WORK = os.environ["BTR_WORK"]
HOSTS = ("web01", "db01", "bast01", "bkp01")
SEED = int(os.environ.get("BTR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
CHANCE = random.Random(SEED)
EVENTS_MAX = 1 << 30 if os.environ.get("BTR_LONG") else 25000  # of a host


def at(name):
    return os.path.join(WORK, name)


def beginning(first, end):
    """Events of one host's log."""
    return LOG[first:end]


def of_files(name, events, host="bast01"):
    """What an ingest of these events as a file tells. Returns the store."""
    store = at(f"{name}.plain")
    must(ingesters.files(store, ingesters.log_write(at(f"{name}.logs"), host, events)))
    return store


def keyed(events, host="bast01"):
    return [(host.encode(), event) for event in events]


def same_as_files(name, store, events, host="bast01"):
    ingesters.same_events(told(store), told(of_files(name, events, host)), name)


def once(kafka, name, topics, *options):
    """Reads what is there. Returns the store, and what was said."""
    store = at(f"{name}.store")
    return store, must(words(store, kafka, topics, "--once", *options))[1]


def traced(store, *spec):
    out, _ = must([ingesters.BACKTRAIL, "trace", "--strategy", "backtracker", "--store", store, "--output", "json", "--evidence", "all", "--no-stats", *spec])
    return json.loads(out)


# ---- The recording -------------------------------------------------------------------------------


def a_recording_is_what_it_is_from_files(kafka):
    """Events as messages, keyed by host; all of them with BTR_LONG=1. Read again it adds nothing."""
    kafka.topic("audit")
    logs, sent = [], 0
    for host in HOSTS:
        events = ingesters.beginning(host, EVENTS_MAX)
        sent += kafka.produce("audit", keyed(events, host), codec="lz4").acknowledged.messages
        logs.append(ingesters.log_write(at("audit.logs"), host, events))
    plain = at("audit.plain")
    must(ingesters.files(plain, *logs))
    store, said = once(kafka, "audit", "audit")
    assert f"{sent} messages of 12 partitions" in said, said
    expected, got = told(plain), told(store)
    ingesters.same_events(got, expected, "the recording")
    assert sum(got.instants.values()) > sent / 2 and not got.quarantined, "the recording is there"
    before = ingesters.dump(store)
    _, said = once(kafka, "audit", "audit")
    assert "0 messages of 12 partitions" in said, said
    assert ingesters.dump(store) == before, "read again it adds nothing"
    places_are_those_of_messages(kafka, store, plain, max(int(record) for host, record in ingesters.records_of(expected.instants) if host == b"web01"))


def places_are_those_of_messages(kafka, store, plain, serial):
    """A record is found by its message's place; evidence cites places; and there lies what it says."""
    messages = {(record.partition, record.offset): record.value for record in kafka.records("audit")}
    partition, offset = next(place for place, value in messages.items() if f":{serial})".encode() in value.split(b" ", 2)[1])
    by_place = traced(store, "--from", f"origin:audit:{partition}:{offset}")
    by_record = traced(store, "--from", f"record:web01/{serial}")
    assert by_place["edges"] == by_record["edges"] and by_place["nodes"] == by_record["nodes"], "the record by its place"
    cited = [evidence for edge in by_place["edges"] for evidence in edge["evidence"] if evidence["source"] == "auditd"]
    assert len(cited) > 100, f"{len(cited)} records are cited"
    for evidence in cited:
        origin = evidence["origin"]
        assert set(origin) == {"topic", "partition", "offset"} and origin["topic"] == "audit", origin
        value = messages[origin["partition"], origin["offset"]]
        assert f":{evidence['id']})".encode() in value, f"{origin} holds another record than {evidence['id']}: {value[:80]}"
    assert closure(by_place) == closure(traced(plain, "--from", f"record:web01/{serial}")), "closures over the topic and over the files"
    must([ingesters.BACKTRAIL, "trace", "--store", store, "--from", f"origin:audit:{partition}:{1 << 40}"], status=1)


def closure(trace):
    """What a closure says, without the places of its records."""
    return trace["nodes"], [edge | {"evidence": [(e["host"], e["id"]) for e in edge["evidence"]]} for edge in trace["edges"]]


def lines_are_kept(kafka):
    """A line a message; the records themselves are kept, and shown."""
    events = beginning(0, 6000)
    lines = b"\n".join(events).split(b"\n")
    kafka.topic("lines", partitions=3)
    kafka.produce("lines", keyed(lines))
    store, _ = once(kafka, "lines", "lines", "--keep-records")
    same_as_files("lines", store, events)
    serial = events[3000].split(b":", 1)[1].split(b")")[0].decode()
    spec = ["--strategy", "backtracker", "--from", f"record:bast01/{serial}", "--show-records"]
    shown, _ = must([ingesters.BACKTRAIL, "trace", "--store", store, *spec])
    for line in events[3000].split(b"\n"):
        assert line[:60].decode() in shown, f"{line[:60]} is not shown"


# ---- Crashes -------------------------------------------------------------------------------------


def a_kill_loses_and_doubles_nothing(kafka):
    """kill -9 at random moments while messages come, then to the end: everything once, also what descriptors had open when the host's
    last message was long taken."""
    events = ingesters.beginning("web01", 30000)
    kafka.topic("killed", partitions=3)
    store = at("killed.store")
    command = words(store, kafka, "killed", "--group", "killed", "--segment-events", "3000", "-X", "session.timeout.ms=6000")
    kills = 0
    with kafka.producing("killed", keyed(events, "web01"), rate=6000) as producer:
        while producer.running():
            with Ingester(command) as ingester:
                time.sleep(CHANCE.uniform(0, 1.5))
                assert ingester.running(), ingester.said()
                kills += 1
        producer.wait()
    with Ingester(command) as ingester:
        wait_until(lambda: committed(kafka, "killed") == len(events), "the group has read all")
        assert ingester.stop() == 0, ingester.said()
    once(kafka, "killed", "killed")
    same_as_files("killed", store, events, "web01")
    counts = [count for line, count in ingesters.dump(store).items() if line.startswith(b"event")]
    assert max(counts) == 1, "an event is there twice"
    print(f"  {kills} kills")


def committed(kafka, name):
    """How many messages the group of that name has committed; 0 while nobody can tell."""
    try:
        return sum(kafka.committed(name, name).values())
    except lab.LabError:
        return 0


def a_broker_that_comes_back_is_gone_on_with(kafka):
    """kill -9 of the broker, and a standstill, while an ingester follows: it waits, and goes on."""
    events = beginning(0, 12000)
    kafka.topic("restarted", partitions=2)
    store = at("restarted.store")
    with Ingester(words(store, kafka, "restarted", "--group", "restarted", "--state-topic", "restarted.state")) as ingester, \
            kafka.producing("restarted", None, key="bast01") as producer:
        for turn, (fault, mend) in enumerate(((kafka.kill, kafka.start), (kafka.pause, kafka.resume))):
            producer.feed(keyed(events[turn * 6000:turn * 6000 + 4000]))
            wait_until(lambda least=turn * 6000: committed(kafka, "restarted") > least, "it reads")
            fault()
            producer.feed(keyed(events[turn * 6000 + 4000:turn * 6000 + 6000]))
            time.sleep(2)
            assert ingester.running(), ingester.said()
            mend()
        producer.wait()
        wait_until(lambda: committed(kafka, "restarted") == len(events), "all is read")
        assert ingester.stop() == 0, ingester.said()
    once(kafka, "restarted", "restarted")
    same_as_files("restarted", store, events)


# ---- What messages are like ----------------------------------------------------------------------


def enveloped(shipper, event, host="bast01"):
    """As these shippers send a line; several lines are several of them."""
    lines = [line.decode() for line in event.split(b"\n")]
    made = {
        "fluent-bit": lambda line: {"date": 1795424231.4, "log": line},
        "filebeat": lambda line: {"@timestamp": "2026-11-23T08:57:11.470Z", "@metadata": {"beat": "filebeat", "type": "_doc"},
                                  "message": line, "log": {"file": {"path": "/var/log/audit/audit.log"}}, "host": {"name": host}},
        "vector": lambda line: {"file": "/var/log/audit/audit.log", "host": host, "message": line, "source_type": "file"},
    }[shipper]
    return [json.dumps(made(line)).encode() for line in lines]


def envelopes_are_taken_off(kafka):
    """What Fluent Bit, Filebeat and Vector make of the lines; one object a message, arrays, and lines of objects; nothing and blanks between."""
    events = beginning(0, 9000)
    messages = []
    for number, shipper in enumerate(("fluent-bit", "filebeat", "vector")):
        for i, event in enumerate(events[number * 3000:number * 3000 + 3000]):
            objects = enveloped(shipper, event)
            key = b"bast01" if shipper == "fluent-bit" else b"\xff no host"
            form = i % 3
            if form == 0:
                messages += [(key, one) for one in objects]
            elif form == 1:
                messages.append((key, b"[" + b", ".join(objects) + b"]"))
            else:
                messages.append((key, b"\n".join(objects) + b"\n"))
            if i % 500 == 0:
                messages += [(key, None), (key, b""), (key, b" \n\n"), (key, b"[]")]
    kafka.topic("envelopes", partitions=1)
    kafka.produce("envelopes", messages)
    store, said = once(kafka, "envelopes", "envelopes")
    assert " 0 undecoded" in said, said
    same_as_files("envelopes", store, events)


def every_compression_is_read(kafka):
    events = beginning(0, 5000)
    kafka.topic("codecs", partitions=1)
    for number, codec in enumerate(("none", "zstd", "lz4", "snappy", "gzip")):
        kafka.produce("codecs", keyed(events[number * 1000:number * 1000 + 1000]), codec=codec)
    store, _ = once(kafka, "codecs", "codecs")
    same_as_files("codecs", store, events)


def a_small_queue_is_filled_again_at_once(kafka):
    """Each answer of the broker, a batch of a hundred, fills the queue. The client library would ask for the next one only a second later,
    which is more than half a minute. With a password, too."""
    events = beginning(0, 12000)
    kafka.topic("queued", partitions=1)
    kafka.produce("queued", keyed(events), transactions="queued", commit=100)
    small = ("-X", "queued.max.messages.kbytes=64", "-X", "fetch.message.max.bytes=65536")
    with open(at("secret"), "w", encoding="utf-8") as file:
        os.chmod(file.name, 0o600)
        file.write(lab.SECRET)
    for listener in ("plain", "sasl"):
        client = kafka.client(listener)
        secret = {"sasl.password": f"@{file.name}"} if "sasl.password" in client else {}
        address = client.pop("bootstrap.servers")
        settings = [word for key, value in (client | secret).items() for word in ("-X", f"{key}={value}")]
        command = words(at(f"queued.{listener}"), kafka, "queued", "--once", *small, *settings)
        command[command.index("--kafka") + 1] = address
        began = time.monotonic()
        must(command)
        took_s = time.monotonic() - began
        print(f"a small queue, {listener}: {took_s:.1f} s", flush=True)
        assert took_s < 12, "fetching waits for nothing"
        same_as_files(f"queued.{listener}", at(f"queued.{listener}"), events)


def aborted_transactions_are_not_read(kafka):
    events = beginning(0, 5050)
    kafka.topic("transactions", partitions=1)
    kafka.produce("transactions", keyed(events), transactions="ingest", commit=100, abort=3)
    store, _ = once(kafka, "transactions", "transactions")
    same_as_files("transactions", store, [event for n, event in enumerate(events) if n // 100 % 3 != 2])
    _, said = once(kafka, "transactions", "transactions")
    assert "0 messages" in said, f"marks of transactions at the end: {said}"


def what_does_not_decode_is_put_aside(kafka):
    """In quarantine with its place, in the dead-letter topic with its reason; what lies around it is read."""
    events = beginning(0, 1000)
    nobodys = events[400].split(b"\n")[0]
    noise = [(b"bast01", b"what is this"), (None, nobodys), (b"bast01", b'{"half": '), (b"a host?", nobodys), (b"bast01", b"\xff\0\x1b[2J" * 50),
             (b"bast01", b"two of them\nin one message")]
    messages = keyed(events[:400]) + noise + keyed(events[400:])
    kafka.topic("noise", partitions=1)
    kafka.topic("dead", partitions=1)
    kafka.produce("noise", messages)
    store, said = once(kafka, "noise", "noise", "--dead-letter-topic", "dead")
    assert f" {len(noise) + 1} undecoded" in said, said
    same_as_files("noise", store, events)
    lines = [line.split(b"\t") for line in told(store).quarantined]
    assert sorted((int(line[1]), line[5]) for line in lines) == [(400 + min(n, 5), b"noise:0") for n in range(len(noise) + 1)], lines
    assert all(line[6] for line in lines), "each has its reason"
    dead = kafka.records("dead")
    assert [(record.key, record.value) for record in dead] == noise, "dead letters"
    headers = subprocess.run(["kcat", "-C", "-b", kafka.address(), "-t", "dead", "-e", "-q", "-f", "%h\n"], stdout=subprocess.PIPE, check=True,
                             timeout=60).stdout.decode().splitlines()
    for number, line in enumerate(headers):
        assert f"backtrail.origin=noise:0:{400 + number}" in line and "backtrail.reason=" in line, line
    assert len(headers) == len(noise), headers


# ---- What a broker loses -------------------------------------------------------------------------


def offsets_gaps(store):
    """(from id, until id, count) of the gaps of lost offsets."""
    gaps = [line.split(b"\t") for line in told(store).gaps]
    out = ingesters.run([ingesters.BACKTRAIL, "store", "gaps", "--store", store]).stdout.decode()
    found = sorted((int(gap[4]), int(gap[5]), int(gap[6])) for gap in gaps if gap[1] == b"offsets")
    assert out.count("offsets") >= len(found), out
    return found


def deleted_offsets_are_a_gap(kafka):
    events = beginning(0, 3000)
    kafka.topic("retention", partitions=1)
    kafka.produce("retention", keyed(events[:1000]))
    store, _ = once(kafka, "retention", "retention")
    assert not offsets_gaps(store), "no gap yet"
    kafka.produce("retention", keyed(events[1000:]))
    kafka.records_delete("retention", 0, 1600)
    _, said = once(kafka, "retention", "retention")
    assert "1600" in said or "1599" in said, said
    assert offsets_gaps(store) == [(999, 1600, 600)], offsets_gaps(store)
    assert " 600 offsets are lost" in said and "1400 messages" in said, said
    _, said = once(kafka, "retention", "retention")
    assert offsets_gaps(store) == [(999, 1600, 600)] and "0 messages" in said, said
    serials = {line.split(b"\t")[7] for line in told(store).instants}
    expected = told(of_files("retention", events[:1000] + events[1600:]))
    assert serials == {line.split(b"\t")[7] for line in expected.instants}, "what lies around the gap"


def a_topic_made_anew_is_another_one(kafka):
    events = beginning(0, 3000)
    kafka.topic("anew", partitions=1)
    kafka.produce("anew", keyed(events[:2000]))
    store, _ = once(kafka, "anew", "anew")
    kafka.topic_delete("anew")
    wait_until(lambda: made_again(kafka, "anew"), "the topic is made anew")
    kafka.produce("anew", keyed(events[2000:]))
    _, said = once(kafka, "anew", "anew")
    assert offsets_gaps(store) == [(999, 2000, 1000)], f"{offsets_gaps(store)}: {said}"
    same_instants("anew", store, events)


def made_again(kafka, name):
    try:
        kafka.topic(name, partitions=1)
    except lab.LabError:
        return False
    return True


def same_instants(name, store, events):
    """Where a run ended between them, intervals are told in pieces."""
    found = ingesters.differences(told(store).instants, told(of_files(name, events)).instants)
    assert not found, f"{name}: {found}"


def an_end_that_was_lost_is_a_gap(kafka):
    """The broker forgets messages that were read, and gives their offsets to others."""
    events = beginning(0, 4000)
    kafka.topic("lossy", partitions=1)
    kafka.produce("lossy", keyed(events[:1000]))
    kafka.stop()
    kafka.data_save(at("lossy.data"))
    kafka.start()
    kafka.produce("lossy", keyed(events[1000:3000]))
    store, _ = once(kafka, "lossy", "lossy")
    kafka.kill()
    kafka.data_restore(at("lossy.data"))
    kafka.start()
    kafka.produce("lossy", keyed(events[3000:]))
    _, said = once(kafka, "lossy", "lossy")
    assert offsets_gaps(store) == [(1999, 3000, 1000)], f"{offsets_gaps(store)}: {said}"
    same_instants("lossy", store, events)


# ---- Refusals ------------------------------------------------------------------------------------


def one_line(done, status, *names):
    text = done.stderr.decode(errors="replace").strip()
    assert done.returncode == status, f"status {done.returncode}: {text}"
    assert "\n" not in text and all(name in text for name in names), text


def what_is_not_there_is_named(kafka):
    store = at("refused.store")
    one_line(ingesters.run(words(store, kafka, "nosuch", "--once")), 2, "nosuch")
    nowhere = [word if word != kafka.address() else "127.0.0.1:1" for word in words(store, kafka, "audit", "--once")]
    one_line(ingesters.run(nowhere), 3, "127.0.0.1:1")
    one_line(ingesters.run(words(store, kafka, "audit", "--once", "-X", "enable.auto.commit=true")), 2, "enable.auto.commit")
    one_line(ingesters.run(words(store, kafka, "audit", "--once", "-X", "no.such.setting=1")), 2, "no.such.setting")


TESTS = (a_recording_is_what_it_is_from_files, lines_are_kept, a_kill_loses_and_doubles_nothing, a_broker_that_comes_back_is_gone_on_with,
         envelopes_are_taken_off, every_compression_is_read, a_small_queue_is_filled_again_at_once, aborted_transactions_are_not_read,
         what_does_not_decode_is_put_aside, deleted_offsets_are_a_gap, a_topic_made_anew_is_another_one, an_end_that_was_lost_is_a_gap,
         what_is_not_there_is_named)

lab.need()
print(f"seed {SEED}", flush=True)
LOG = ingesters.beginning("bast01", 40000)
with lab.Broker(os.path.join(WORK, "kafka"), listeners=("sasl",)) as broker:
    for test in TESTS:
        if os.environ.get("BTR_ONLY", "") not in test.__name__:
            continue
        began = time.monotonic()
        test(broker)
        print(f"{test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
