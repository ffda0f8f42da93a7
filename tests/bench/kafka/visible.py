#!/usr/bin/env python3
"""usage: visible.py WORK AUDIT.log.zst SECONDS   What ../kafka_visible.sh says.

`store stat --by host,source` is asked ten times a second for the newest event of each host. An event is visible when the first answer has come
that knows one of its time or later; its delay counts from when it was due, so it holds the producer's, the broker's and the query's
time, too, and on average half of the time between two answers.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone

import lab

BACKTRAIL = os.environ["BACKTRAIL"]
WORK, LOG, SECONDS = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3])
STORE = os.path.join(WORK, "store")
HOSTS, RATE = 500, 20000
ASK_S, PATIENCE_S = 0.1, 10
WARM = "warm"  # a host that tells something before the measuring begins
NEWEST = re.compile(rb"^(host-\d+|warm) +auditd\n +\S+ \.\. (\S+?)Z$", re.MULTILINE)


def newest():
    """{host: ms of the epoch of its newest event}, of what is visible now."""
    done = subprocess.run([BACKTRAIL, "store", "stat", "--by", "host,source", "--store", STORE], capture_output=True, timeout=60, check=False)
    found = {}
    for host, until in NEWEST.findall(done.stdout):
        second, _, fraction = until.decode().partition(".")
        moment = datetime.fromisoformat(second).replace(tzinfo=timezone.utc)
        found[host.decode()] = int(moment.timestamp()) * 1000 + int(fraction.ljust(9, "0")[:3] or 0)
    return found


class Watch:
    """Delays of all events, from answers as they come."""

    def __init__(self, began_ms):
        self.began_ms, self.seen, self.delays = began_ms, [0] * HOSTS, []

    def due_ms(self, host, turn):
        return self.began_ms + (turn * HOSTS + host) * 1000 // RATE

    def answer(self, at_ms, hosts):
        for name, until_ms in hosts.items():
            if name == WARM:
                continue
            host = int(name.rsplit("-", 1)[1])
            while self.seen[host] < RATE * SECONDS // HOSTS and self.due_ms(host, self.seen[host]) <= until_ms:
                self.delays.append(at_ms - self.due_ms(host, self.seen[host]))
                self.seen[host] += 1


def warm_up(kafka):
    """The ingester has joined its group and published."""
    kafka.produce("audit", LOG, form="audit", key=WARM, codec="lz4")
    until = time.monotonic() + 120
    while WARM not in newest():
        if time.monotonic() > until:
            sys.exit("visible.py: nothing is visible after 120 s")
        time.sleep(ASK_S)


def watched(kafka):
    """Answers with their times, from before the first message until nothing changes any more after the last."""
    answers, changed = [], time.monotonic()
    with kafka.producing("audit", LOG, form="audit", hosts=HOSTS, rate=RATE, seconds=SECONDS, codec="lz4") as producer:
        while producer.running() or time.monotonic() - changed < PATIENCE_S:
            began = time.monotonic()
            hosts = newest()
            if not answers or hosts != answers[-1][1]:
                answers.append((time.time() * 1000, hosts))
                changed = time.monotonic()
            time.sleep(max(0, ASK_S - (time.monotonic() - began)))
        sent = producer.wait()
    return sent, answers


def main():
    with lab.Broker(os.path.join(WORK, "broker"), heap_mib=400) as kafka:
        kafka.topic("audit", partitions=12)
        words = [BACKTRAIL, "ingest", "--quiet", "--store", STORE, "--kafka", kafka.address(), "--topic", "audit"]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL) as ingest:
            try:
                warm_up(kafka)
                sent, answers = watched(kafka)
            finally:
                ingest.send_signal(signal.SIGINT)
    watch = Watch(sent.began_ms)
    for at_ms, hosts in answers:
        watch.answer(at_ms, hosts)
    delays = sorted(watch.delays)
    if not delays:
        sys.exit("visible.py: no event was ever visible")
    print(json.dumps({"sent": sent.read.messages, "visible": len(delays), "p50_ms": round(delays[len(delays) // 2]),
                      "p99_ms": round(delays[len(delays) * 99 // 100]), "most_ms": round(delays[-1]), "answers": len(answers)}))


if __name__ == "__main__":
    main()
