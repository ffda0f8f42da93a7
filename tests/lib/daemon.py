"""A daemon under test: its configuration, its log, its pages. Every wait is for something that happens, and is bounded."""
import atexit
import http.client
import os
import re
import signal
import subprocess
import time

WORK = os.environ["BTR_WORK"]
BOUND_S = 120


def until(what, check):
    end = time.monotonic() + BOUND_S
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {BOUND_S} s: {what}")


def write(name, text, mode=0o600):
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Daemon:
    """One run, with a store, a configuration and a log of its own. `more` are lines of the configuration."""

    count = 0
    program = None
    brokers, topics = "127.0.0.1:1", "audit,sysmon"

    def __init__(self, more="", env=None, listen="127.0.0.1:0", wait=True, store=None):
        Daemon.count += 1
        self.name = f"d{Daemon.count}"
        self.store = store or os.path.join(WORK, self.name)
        self.trace = os.path.join(WORK, self.name + ".trace")
        self.log_path = os.path.join(WORK, self.name + ".log")
        self.config = self.configure(more, listen)
        self.log_file = open(self.log_path, "w", encoding="utf-8")
        self.process = subprocess.Popen([self.program, "daemon", "--config", self.config], stdout=subprocess.PIPE, stderr=self.log_file,
                                        env=dict(os.environ, FAKE_TRACE=self.trace, **(env or {})))
        atexit.register(self.process.kill)  # of a test that failed; nothing for one that was waited for
        self.port = int(until("listening", lambda: self.logged(r"event=listening port=(\d+)"))[1]) if wait else None

    def configure(self, more, listen="127.0.0.1:0"):
        return write(self.name + ".conf", f"store.path = {self.store}\nkafka.brokers = {self.brokers}\n"
                     f"kafka.topics = {self.topics}\nhttp.listen = {listen}\n{more}")

    def log(self):
        return read(self.log_path)

    def logged(self, pattern):
        assert self.process.poll() is None or re.search(pattern, self.log()), f"ended: {self.log()}"
        return re.search(pattern, self.log())

    def ask(self, path, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def metrics(self):
        """{(name, (label, value)...): value}, as a kept client library reads the page."""
        from prometheus_client.parser import text_string_to_metric_families  # pylint: disable=import-outside-toplevel
        answer, text = self.ask("/metrics")
        assert answer.status == 200
        return {(s.name, *sorted(s.labels.items())): s.value
                for family in text_string_to_metric_families(text) for s in family.samples}

    def metric(self, name):
        return self.metrics()[(name,)]

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM, status=0):
        self.send(number)
        return self.ended(status)

    def ended(self, status):
        assert self.process.wait(BOUND_S) == status, (self.process.returncode, self.log())
        self.log_file.close()
        assert self.process.stdout.read() == b"", "results go to stdout, and there are none"
        return self.log()
