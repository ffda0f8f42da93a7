"""See service_test.sh."""
import contextlib
import json
import os
import re
import signal
import subprocess

import lab
from daemon import BOUND_S, WORK, Daemon, read, until, write

Daemon.program = PROGRAM = os.environ["BACKTRAIL"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
HOSTS = ("bast01", "bkp01")
PARTITIONS = 4


def command(*words, status=0):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert done.returncode == status, (words, done)
    return done.stdout


def operations_of(store):
    """{(host, operation): events}. "told" is left out: what is open at the end is told by a run over files alone."""
    found, host = {}, None
    for line in command("store", "stat", "--by", "host,source", "--store", store).splitlines():
        head, row = re.match(r"(\w+)  auditd$", line), re.match(r"    (\w+) +(\d+)$", line)
        host = head[1] if head else host
        if row and row[1] != "told":
            found[host, row[1]] = int(row[2])
    return found


def secured(kafka, password, state_topic="backtrail.state"):
    """The client's side of the listener "sasl", in keys of the configuration."""
    return (f"kafka.state_topic = {state_topic}\nkafka.tls.enable = yes\nkafka.tls.ca_file = {kafka.certs['ca.pem']}\n"
            f"kafka.sasl.mechanism = PLAIN\nkafka.sasl.user = {lab.USER}\nkafka.sasl.password_file = {password}\n")


def lag(d):
    return json.loads(command("lag", "--config", d.config, "--output", "json"))


def caught_up(d):
    # The group's offsets follow the store's by a moment.
    return until("the group has all", lambda: lag(d)["total"]["behind_messages"] == 0)


def what_was_sent_is_there(kafka, d, sent):
    until("ready", lambda: d.ask("/readyz")[0].status == 200)
    assert d.metric("backtrail_broker_up") == 1
    until("the group gave all", lambda: d.metric("backtrail_partitions") == PARTITIONS)
    caught_up(d)
    until("counted", lambda: d.metric("backtrail_messages_total") >= sent)  # more, where states had to be replayed
    values = d.metrics()
    waiting = [value for key, value in values.items() if key[0] == "backtrail_partition_lag_messages"]
    assert len(waiting) == PARTITIONS and sum(waiting) == 0, waiting
    assert values[("backtrail_visible_seconds_count",)] >= sent
    assert values[("backtrail_records_undecoded_total",)] == 0
    assert values[("backtrail_offsets_lost_total",)] == 0
    answer = lag(d)
    assert answer["group"] == "backtrail" and answer["total"]["partitions"] == PARTITIONS
    ends = kafka.watermarks("audit")
    for row in answer["partitions"]:
        assert row["topic"] == "audit" and row["end"] == ends[row["partition"]][1], (row, ends)
        assert row["next"] == row["end"] or row["end"] == 0, row
    assert command("find", "--store", d.store, "--kind", "process", "--limit", "100000"), "a question beside the daemon"


def begins_where_the_store_stands(d):
    """Of a host that has something to tell yet, its last message is read again for the state alone: nothing else is."""
    def waiting():
        return [value for key, value in d.metrics().items() if key[0] == "backtrail_partition_lag_messages"]
    until("all is read", lambda: len(waiting()) == PARTITIONS and sum(waiting()) == 0)
    assert d.metric("backtrail_messages_total") <= len(HOSTS), d.metrics()
    assert d.metric("backtrail_events_total") == 0, d.metrics()


def files_are_ours_alone(store):
    for folder, _, names in os.walk(store):
        assert os.stat(folder).st_mode & 0o077 == 0, folder
        for name in names:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o777 == 0o600, name


def the_broker_goes_and_comes(kafka, d):
    kafka.kill()
    until("it is seen to be gone", lambda: d.metric("backtrail_broker_up") == 0)
    assert d.ask("/healthz")[0].status == 200
    command("lag", "--config", d.config, "--max-s", "2", status=3)
    kafka.start()
    until("it is back", lambda: d.metric("backtrail_broker_up") == 1)
    assert d.metric("backtrail_failures_total") == 0, "a broker that is gone is no failure"
    assert len(d.log().splitlines()) < 200, "no busy loop: " + d.log()[-2000:]


@contextlib.contextmanager
def small_disk(megabytes):
    """A folder that is a disk of its own, or None where none may be mounted."""
    folder = os.path.join(WORK, "small")
    os.makedirs(folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder], capture_output=True, check=False)
    try:
        yield folder if done.returncode == 0 else None
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096) > 0:
                pass
        except OSError:
            pass


def a_full_disk_is_waited_for(kafka, more, expected):
    """Another group, so another store, reads all of it on a disk that is full at first."""
    with small_disk(64) as folder:
        if not folder:
            print("not tried: a full disk, as no disk may be mounted here", flush=True)
            return
        d = Daemon(more=more + "kafka.group = small\n", store=os.path.join(folder, "store"))
        until("started", lambda: d.logged("event=started"))
        fill(os.path.join(folder, "ballast"))
        until("it failed", lambda: d.metric("backtrail_failures_total") >= 2)
        until("it waits", lambda: d.ask("/readyz")[0].status == 503)
        assert d.ask("/healthz")[0].status == 200
        assert d.logged("event=consumer_failed reason=.*(No|no) space left"), d.log()
        assert len(re.findall("event=consumer_failed", d.log())) <= 3, "said once a minute: " + d.log()
        os.unlink(os.path.join(folder, "ballast"))
        until("ready", lambda: d.ask("/readyz")[0].status == 200)
        caught_up(d)
        assert kafka.lag("small", "audit") == 0
        d.end()
        assert operations_of(d.store) == expected


def lag_is_told_without_a_daemon(kafka, d):
    kafka.produce("audit", [(b"x", b"no record that decodes")] * 100)
    total = lag(d)["total"]
    assert total["behind_messages"] == 100 and total["behind_s"] is not None, total
    text = command("lag", "--config", d.config).splitlines()
    assert len(text) == PARTITIONS + 2 and text[-1].split()[:2] == ["total", "100"], text


def reads_one_message(kafka, listener, more):
    """A daemon of a group of its own reads a topic of its own, over that listener."""
    topic = f"topic.{listener}"
    kafka.topic(topic, partitions=1)
    kafka.produce(topic, [(b"web01", b"type=LOGIN msg=audit(1795424235.500:1): pid=1 uid=0 old-auid=0 auid=0 ses=1 res=1")])
    Daemon.brokers, Daemon.topics = kafka.address(listener), topic
    d = Daemon(more=more + f"kafka.tls.enable = yes\nkafka.tls.ca_file = {kafka.certs['ca.pem']}\nkafka.group = of.{listener}\n")
    until("read", lambda: d.metric("backtrail_messages_total") == 1)
    caught_up(d)
    until("published", lambda: d.metric("backtrail_publishes_total") >= 1)
    d.end()


def a_wrong_password_is_said_and_mended(kafka):
    kafka.topic("another.state", partitions=1, cleanup_policy="compact")
    password = write("wrong", lab.SECRET + "r\n", 0o600)
    d = Daemon(more=secured(kafka, password, "another.state") + "kafka.group = another\n")
    until("it is said", lambda: d.logged("uthentication failed"))
    assert d.ask("/readyz")[0].status == 503
    asked = subprocess.run([PROGRAM, "lag", "--config", d.config, "--max-s", "5"], capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert asked.returncode == 3 and asked.stdout == "" and "uthentication failed" in asked.stderr, asked
    assert lab.SECRET not in asked.stderr
    write("wrong", lab.SECRET + "\n", 0o600)
    d.send(signal.SIGHUP)
    until("ready", lambda: d.ask("/readyz")[0].status == 200)
    assert len(re.findall("uthentication failed", d.log())) <= 4, "once a minute by the library's log and its errors: " + d.log()
    d.end()
    assert lab.SECRET not in d.log()


lab.need(lab.LATEST, lab.SCRAM)
with lab.Broker(os.path.join(WORK, "kafka"), listeners=("sasl", "mutual")) as kafka_:
    Daemon.brokers, Daemon.topics = kafka_.address("sasl"), "audit"
    kafka_.topic("audit", partitions=PARTITIONS)
    kafka_.topic("backtrail.state", partitions=1, cleanup_policy="compact")
    password_ = write("password", lab.SECRET + "\n", 0o400)
    daemon = Daemon(more=secured(kafka_, password_))
    count = kafka_.produce("audit", f"{DATA}/{HOSTS[0]}.audit.log.zst", form="audit", key=HOSTS[0]).acknowledged.messages
    what_was_sent_is_there(kafka_, daemon, count)
    print("ok: read over TLS with a password, visible, committed", flush=True)

    the_broker_goes_and_comes(kafka_, daemon)
    print("ok: the broker goes and comes", flush=True)

    daemon.configure(secured(kafka_, password_) + "ingest.visible_ms = 500\n")
    daemon.send(signal.SIGHUP)
    until("begun anew", lambda: daemon.metric("backtrail_openings_total") == 2)
    count += kafka_.produce("audit", f"{DATA}/{HOSTS[1]}.audit.log.zst", form="audit", key=HOSTS[1]).acknowledged.messages
    what_was_sent_is_there(kafka_, daemon, count)
    seen = [daemon.ask("/metrics")[1], read(f"/proc/{daemon.process.pid}/cmdline"), daemon.end()]
    assert not any(lab.SECRET in text for text in seen)
    assert kafka_.lag("backtrail", "audit") == 0
    files_are_ours_alone(daemon.store)
    print("ok: begun anew by SIGHUP, ended by SIGTERM, nothing left behind", flush=True)

    plain = os.path.join(WORK, "plain")
    command("ingest", "--store", plain, *(f"{DATA}/{host}.audit.log.zst" for host in HOSTS))
    expected, got = operations_of(plain), operations_of(daemon.store)
    assert len(expected) > 40 and got == expected, set(got.items()) ^ set(expected.items())
    again = Daemon(more=secured(kafka_, password_), store=daemon.store)
    begins_where_the_store_stands(again)
    again.end()
    assert operations_of(daemon.store) == expected
    print("ok: each event is there once, as from files, after a second run, too", flush=True)

    lag_is_told_without_a_daemon(kafka_, again)
    print("ok: lag is told without a daemon", flush=True)

    without = Daemon(more=secured(kafka_, password_))
    until("ready", lambda: without.ask("/readyz")[0].status == 200)
    kafka_.kill()
    without.end()
    kafka_.start()
    print("ok: it ends by SIGTERM without a broker, too", flush=True)

    kafka_.topic("small.state", partitions=1, cleanup_policy="compact")
    a_full_disk_is_waited_for(kafka_, secured(kafka_, password_, "small.state"), expected)
    print("ok: a full disk is waited for, and loses nothing", flush=True)

    a_wrong_password_is_said_and_mended(kafka_)
    print("ok: a wrong password is said, never shown, and mended by SIGHUP", flush=True)

    reads_one_message(kafka_, "mutual", f"kafka.tls.cert_file = {kafka_.certs['client.pem']}\nkafka.tls.key_file = {kafka_.certs['client.key']}\n")
    print("ok: certificates of both sides", flush=True)
with lab.Broker(os.path.join(WORK, "scram"), version=lab.SCRAM, listeners=("sasl",)) as older:
    reads_one_message(older, "sasl", f"kafka.sasl.mechanism = SCRAM-SHA-256\nkafka.sasl.user = {lab.USER}\nkafka.sasl.password_file = {password_}\n")
    print("ok: SCRAM-SHA-256", flush=True)
