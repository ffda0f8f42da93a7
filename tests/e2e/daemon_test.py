"""The daemon around a consumer that does as the environment says (tests/lib/fake_follow.c). Every wait is for something that
happens, and is bounded."""
import json
import os
import re
import signal
import socket
import subprocess
import sys

from daemon import BOUND_S, WORK, Daemon, read, until, write
from prometheus_client.parser import text_string_to_metric_families

PROGRAM = Daemon.program = os.environ["BTR_DAEMON_FAKE"]
SOURCE = os.environ["BTR_SOURCE_DIR"]
SECRET = "hunter2-never-to-be-seen"


def command(*words, **env):
    return subprocess.run([PROGRAM, *words], env=dict(os.environ, **env), capture_output=True, text=True, timeout=BOUND_S)


def it_is_ready_watched_and_stops():
    path = os.path.join(WORK, "notify")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.settimeout(BOUND_S)
    d = Daemon(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
    told = [listener.recv(4096).decode()]
    while told.count("WATCHDOG=1\n") < 3:
        told.append(listener.recv(4096).decode())
    assert sum(t.startswith("READY=1\n") for t in told) == 1, told
    until("ready", lambda: d.ask("/readyz")[0].status == 200)
    assert d.ask("/healthz")[0].status == 200
    assert oct(os.stat(d.store).st_mode)[-3:] == "700"
    log = d.end()
    listener.settimeout(0)
    try:
        while not told[-1].startswith("STOPPING=1\n"):
            told.append(listener.recv(4096).decode())
    except BlockingIOError:
        raise AssertionError(told)
    listener.close()
    calls = read(d.trace).split("\n")
    assert calls[-4:] == ["stop go on later", "free ", "close ", ""], calls
    for event in ("listening", "consuming", "started", "stopping", "stopped"):
        assert len(re.findall(rf"event={event}\b", log)) == 1, log
    assert all(re.match(r"time=\S+Z level=\w+ room=\w+ event=\w+", line) for line in log.splitlines()), log
    d = Daemon()
    until("started", lambda: d.logged("event=started"))
    d.end(signal.SIGINT)


def what_stands_still_is_not_fed():
    stall = os.path.join(WORK, "stall")
    d = Daemon(env={"WATCHDOG_USEC": "300000", "FAKE_STALL_FILE": stall})
    until("started", lambda: d.logged("event=started"))
    assert d.ask("/healthz")[0].status == 200
    write("stall", "")
    until("unhealthy", lambda: d.ask("/healthz")[0].status == 503)
    until("told", lambda: d.logged("level=error room=cli event=stalled"))
    assert d.metric("backtrail_step_age_seconds") >= 1.5
    os.unlink(stall)
    until("healthy again", lambda: d.ask("/healthz")[0].status == 200)
    d.end()


def table_of_docs():
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", read(os.path.join(SOURCE, "docs/OPERATIONS.md")), re.M)
    return dict(rows)


def the_page_is_what_the_docs_say():
    d = Daemon()
    until("running", lambda: d.metrics()[("backtrail_state", ("state", "running"))] == 1)
    until("published", lambda: d.metric("backtrail_last_publish_timestamp_seconds") == 1.5)
    answer, text = d.ask("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(text))
    said = {}
    for f in families:
        name = f.name + ("_total" if f.type == "counter" else "")
        said[name] = f.type
        assert f.documentation, f.name
        assert f.samples, f.name
        assert re.match(r"(backtrail|process)_[a-z_]+$", name), name
        assert not re.search(r"_(ms|milliseconds|kb|mib)\b", name), name
    assert len(said) == len(families), "a family twice"
    assert said == table_of_docs(), set(said.items()) ^ set(table_of_docs().items())
    values = d.metrics()
    topic = ("topic", 'audit"d')
    assert values[("backtrail_partition_lag_messages", ("partition", "0"), topic)] == 5
    assert ("backtrail_partition_lag_messages", ("partition", "2"), topic) not in values, "an end that is not known"
    assert values[("backtrail_partition_next_offset", ("partition", "2"), topic)] == 10
    assert values[("backtrail_memory_max_bytes",)] == 1 << 30
    count = values[("backtrail_visible_seconds_count",)]
    assert values[("backtrail_visible_seconds_bucket", ("le", "+Inf"))] == count
    assert values[("backtrail_visible_seconds_bucket", ("le", "0.05"))] == count - 1
    assert values[("backtrail_visible_seconds_bucket", ("le", "0.01"))] == 0
    assert abs(values[("backtrail_visible_seconds_sum",)] - 0.03 * (count - 1)) < 1e-6
    assert values[("process_resident_memory_bytes",)] > 1 << 20
    assert values[("backtrail_store_free_bytes",)] > 0
    d.end()


def http_has_manners():
    d = Daemon()
    answer, text = d.ask("/nothing")
    assert answer.status == 404 and text == "/metrics\n/healthz\n/readyz\n"
    assert d.ask("/metrics/")[0].status == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer, _ = d.ask("/metrics", method, "x" * 100)
        assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD", method
    answer, text = d.ask("/metrics", "HEAD")
    assert answer.status == 200 and text == "" and int(answer.headers["Content-Length"]) > 1000
    for hostile in (b"\x00\xff\x00\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
                    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", d.port), timeout=BOUND_S) as s:
            try:
                s.sendall(hostile)
                answer = s.recv(4096)
            except ConnectionError:
                answer = b""
            assert not answer or re.match(rb"HTTP/1\.[01] [45]\d\d ", answer), answer
    assert d.ask("/healthz")[0].status == 200
    d.end()


def slow_and_many_connections_are_bounded():
    d = Daemon()
    until("started", lambda: d.logged("event=started"))
    before = d.metric("process_open_fds")
    idle = [socket.create_connection(("127.0.0.1", d.port), timeout=BOUND_S) for _ in range(50)]
    for s in idle:
        s.sendall(b"GET /metrics HTTP/1.1\r\n")
    dribbled = 0
    try:  # one byte now and then is not idle, and ends all the same
        for dribbled in range(BOUND_S * 5):
            idle[0].sendall(b"A")
            idle[0].settimeout(0.2)
            try:
                assert not idle[0].recv(1), "no answer to half a request"
                break
            except socket.timeout:
                pass
    except ConnectionError:
        pass
    assert dribbled + 1 < BOUND_S * 5, "a slow client stays for ever"
    open_now = len(os.listdir(f"/proc/{d.process.pid}/fd"))
    assert open_now <= before + 32 + 4, (open_now, before)
    assert d.ask("/healthz")[0].status == 200, "who waits has its turn"
    for s in idle:
        s.close()
    d.end()


def what_fails_is_begun_anew():
    d = Daemon(env={"FAKE_FAIL": "2", "FAKE_FAIL_CODE": "13"})
    # each from one answer: what waits may go on before the next is asked for

    def waits(values):
        return values[("backtrail_state", ("state", "waiting"))] == 1 and values[("backtrail_retry_delay_seconds",)] in (1, 2)

    def is_unready(answer, text):
        return answer.status == 503 and "state=waiting" in text

    until("waiting", lambda: waits(d.metrics()))
    until("not ready", lambda: is_unready(*d.ask("/readyz")))
    assert d.ask("/healthz")[0].status == 200
    until("running again", lambda: d.metric("backtrail_openings_total") == 3 and d.ask("/readyz")[0].status == 200)
    assert d.metric("backtrail_failures_total") == 2
    assert d.metric("backtrail_retry_delay_seconds") == 0
    messages = d.metric("backtrail_messages_total")
    until("counters go on", lambda: d.metric("backtrail_messages_total") > messages)
    log = d.end()
    assert read(d.trace).count("visible_ms ") == 3
    # the second is the first but for its numbers: said once a minute
    assert len(re.findall(r'level=error room=ingest event=consumer_failed reason="fake failure\\x1b\[2J; again in 1 s"', log)) == 1, log
    assert "again in 2 s" not in log

    d = Daemon(env={"FAKE_FAIL": "1000"})
    until("waits long", lambda: d.metric("backtrail_retry_delay_seconds") >= 2)
    assert len(re.findall("event=consumer_failed", d.log())) == 1, d.log()
    d.end()  # at once, in the middle of the wait


def counters_never_go_back():
    d = Daemon()
    until("some", lambda: d.metric("backtrail_messages_total") > 50)
    before = d.metrics()
    d.configure("ingest.visible_ms = 777\n")
    d.send(signal.SIGHUP)
    until("begun anew", lambda: d.metric("backtrail_openings_total") == 2)
    after = d.metrics()
    for key, value in before.items():
        if key[0].endswith(("_total", "_bucket", "_count", "_sum")):
            assert after[key] >= value, key
    d.end()


def a_start_that_cannot_be_is_one_line():
    for code, status in ((8, 2), (11, 3), (10, 3)):
        d = Daemon(env={"FAKE_OPEN_CODE": str(code)}, wait=False)
        log = d.ended(status)
        assert log.splitlines()[-1] == "backtrail daemon: fake failure\\x1b[2J", log
    d = Daemon(wait=False, store="/does/not/exist/store")
    assert d.ended(3).splitlines()[-1] == "backtrail daemon: /does/not/exist/store: No such file or directory"
    d = Daemon(env={"FAKE_OPEN_CODE": "5"})
    until("a broker that does not answer is tried again", lambda: d.logged("event=consumer_failed"))
    until("started", lambda: d.logged("event=started"))
    d.end()
    first = Daemon()
    d = Daemon(listen=f"127.0.0.1:{first.port}", wait=False)
    log = d.ended(3)
    assert log.splitlines()[-1] == f"backtrail daemon: cannot listen on 127.0.0.1 port {first.port}: Address already in use", log
    assert read(d.trace) == "", "nothing was begun"
    first.end()
    d = Daemon(listen="off", wait=False)
    until("started", lambda: d.logged("event=started"))
    d.end()


def sighup_says_what_it_does():
    d = Daemon(more="log.level = info\n")
    until("started", lambda: d.logged("event=started"))
    d.configure("log.level = debug\n")
    d.send(signal.SIGHUP)
    until("reloaded", lambda: d.logged(r'event=reloaded path=\S+ consumer="goes on"'))
    assert d.logged(r'key=log\.level takes="at once"'), d.log()
    assert read(d.trace).count("visible_ms ") == 1

    d.configure("ingest.visible_ms = 49\n")
    d.send(signal.SIGHUP)
    until("refused", lambda: d.logged(r'event=reload_failed reason=".*:5: ingest.visible_ms: 49 is not from 50 to 60000"'))
    assert d.metric("backtrail_config_reload_failures_total") == 1

    inventory = write("hosts.json", '{"web01": {"ip": "10.0.0.1"}}')
    more = f"ingest.visible_ms = 50\nhosts.inventory = {inventory}\nlog.level = debug\n"
    d.configure(more, "127.0.0.1:1")
    d.send(signal.SIGHUP)
    until("begun anew", lambda: read(d.trace).count("visible_ms ") == 2)
    assert d.logged(r"key=http\.listen takes=restart")
    assert d.logged(r'key=ingest\.visible_ms takes="the consumer begins anew"')
    until("by the new value", lambda: "visible_ms 50\n" in read(d.trace))
    assert "stop go on later\nfree \nclose \nopen" in read(d.trace), "what runs is stopped as at the end"

    write("hosts.json", '{"web01": {"ip": "10.0.0.2"}}')
    d.send(signal.SIGHUP)
    until("the inventory is read again", lambda: read(d.trace).count("visible_ms ") == 3)
    write("hosts.json", '{"web01": ')
    d.send(signal.SIGHUP)
    until("a bad inventory is refused", lambda: d.metric("backtrail_config_reload_failures_total") == 2)
    write("hosts.json", '{"web01": {"ip": "10.0.0.2"}}')
    d.configure(more + "kafka.x.no.such = 1\n", "127.0.0.1:1")
    d.send(signal.SIGHUP)
    until("what the library refuses is refused", lambda: d.logged('event=reload_failed reason="no.such: no such setting"'))
    until("the old one goes on", lambda: d.metric("backtrail_openings_total") == 4 and d.ask("/readyz")[0].status == 200)
    assert d.metric("backtrail_config_reload_failures_total") == 3
    checked = command("daemon", "--config", d.config, "--check")
    assert checked.returncode == 2 and checked.stderr == "backtrail daemon: no.such: no such setting\n", checked
    assert d.logged(r"key=http\.listen takes=restart.*\n(.*\n)*.*key=http\.listen takes=restart"), "told until it is restarted"
    d.end()


def secrets_stay_secret():
    password = write("password", SECRET + "\n", 0o400)
    pem = write("key.pem", f"-----BEGIN-----\n{SECRET}\n-----END-----\n", 0o444)
    more = (f"kafka.tls.enable = yes\nkafka.sasl.mechanism = PLAIN\nkafka.sasl.user = u\nkafka.sasl.password_file = {password}\n"
            f"kafka.x_file.ssl.key.pem = {pem}\nlog.level = debug\n")
    d = Daemon(more=more, env={"FAKE_LOG": "1", "FAKE_FAIL": "1"})
    until("running", lambda: d.metrics()[("backtrail_state", ("state", "running"))] == 1)
    assert f"setting sasl.password={SECRET}\n" in read(d.trace), "it is told to the library"
    assert "setting security.protocol=sasl_ssl\n" in read(d.trace)
    os.chmod(password, 0o600)
    write("password", SECRET + "-new\n", 0o400)
    d.send(signal.SIGHUP)
    until("the new secret", lambda: f"setting sasl.password={SECRET}-new\n" in read(d.trace))
    seen = [d.ask(path)[1] for path in ("/metrics", "/healthz", "/readyz")]
    seen.append(read(f"/proc/{d.process.pid}/cmdline"))
    seen.append(d.end())
    assert "others than its owner and group" in seen[-1]
    assert 'key="a secret of kafka" takes="the consumer begins anew"' in seen[-1], seen[-1]
    library = re.findall(r'room=kafka event=library text="broker\\\\?x1b\[1m said no after 7 ms"', seen[-1])
    assert 1 <= len(library) <= 2, seen[-1]
    for check in (["daemon", "--config", d.config, "--check"], ["daemon", "--help"], ["lag", "--config", d.config]):
        done = command(*check)
        assert done.returncode == 0, done.stderr
        seen += [done.stdout, done.stderr]
    for key in ("kafka.sasl.password", "kafka.x.sasl.password", "kafka.x.ssl.key.password", "kafka.sasl.password_env"):
        d.configure(f"{key} = {SECRET}\n")
        done = command("daemon", "--config", d.config)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
        assert f"{key}" in done.stderr
        seen += [done.stdout, done.stderr]
    assert not any(SECRET in text for text in seen)


def a_second_signal_does_not_wait():
    go = os.path.join(WORK, "go")
    d = Daemon(env={"FAKE_STOP_FILE": go})
    until("started", lambda: d.logged("event=started"))
    d.send(signal.SIGTERM)
    until("sealing", lambda: "stop go on later" in read(d.trace))
    assert d.ask("/readyz")[0].status == 503
    until("a late stop is told", lambda: d.logged("event=stop_is_late"))
    log = d.end(status=3)
    assert "event=stopped_at_once" in log


def bad_usage_is_one_line():
    for words, says in ((["daemon"], "--config is missing"), (["daemon", "--config", "/does/not/exist"], "No such file"),
                        (["daemon", "--config", "x", "y"], "\"y\" is no option"), (["lag"], "--config is missing"),
                        (["lag", "--config", "x", "--output", "xml"], "neither text nor json"),
                        (["lag", "--config", "x", "--max-s", "0"], "--max-s: from 1 to 600")):
        done = command(*words)
        assert done.returncode == 2 and says in done.stderr and len(done.stderr.splitlines()) == 1, (words, done)


def lag_tells_each_partition_and_the_total():
    config = write("lag.conf", "store.path = /nowhere\nkafka.brokers = b\nkafka.topics = t\n")
    answer = json.loads(command("lag", "--config", config, "--output", "json").stdout)
    assert answer["schema"] == "backtrail-lag/1" and answer["group"] == "backtrail"
    assert answer["partitions"] == [
        {"topic": "t", "partition": 0, "next": 10, "end": 10, "behind_messages": 0, "behind_s": 0},
        {"topic": "t", "partition": 1, "next": 10, "end": 15, "behind_messages": 5, "behind_s": 1.5},
        {"topic": "t", "partition": 2, "next": None, "end": 20, "behind_messages": 20, "behind_s": None}]
    assert answer["total"] == {"partitions": 3, "uncommitted": 1, "behind_messages": 25, "behind_s": None}
    text = command("lag", "--config", config)
    assert text.returncode == 0 and text.stdout.splitlines()[-1].split()[0] == "total", text.stdout
    assert len(text.stdout.splitlines()) == 5, text.stdout
    known = json.loads(command("lag", "--config", config, "--output", "json", FAKE_PARTITIONS="2").stdout)
    assert known["total"]["behind_s"] == 1.5
    assert command("lag", "--config", config, FAKE_PARTITIONS="0").returncode == 1
    done = command("lag", "--config", config, FAKE_OPEN_CODE="5")
    assert done.returncode == 3 and done.stderr == "backtrail lag: fake failure\\x1b[2J\n" and done.stdout == "", done


TESTS = [it_is_ready_watched_and_stops, what_stands_still_is_not_fed, the_page_is_what_the_docs_say, http_has_manners, slow_and_many_connections_are_bounded,
         what_fails_is_begun_anew, counters_never_go_back, a_start_that_cannot_be_is_one_line, sighup_says_what_it_does,
         secrets_stay_secret, a_second_signal_does_not_wait, bad_usage_is_one_line, lag_tells_each_partition_and_the_total]
for test in TESTS:
    if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
        continue
    test()
    print("ok", test.__name__.replace("_", " "), flush=True)
