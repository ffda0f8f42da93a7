#!/usr/bin/env python3
"""usage: flood.py WORK PERCENT AUDIT.log.zst   What ../kafka_flood.sh says.

Records that wait are read by `ingest --once`, from a topic that is full. Floods come into a topic from which `ingest` reads, while 40 other hosts
send 400 audit events a second (of AUDIT) with the times of now; told is how long after these times a reader of the store sees them
(visible.c), the memory of the ingest over time, and what it leaves on the disk.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import lab

BACKTRAIL, TOOLS = os.environ["BACKTRAIL"], os.environ["BTR_BENCH_TOOLS"]
WORK, SCALE, LOG = os.path.abspath(sys.argv[1]), int(sys.argv[2]) / 100, sys.argv[3]
STORE = os.path.join(WORK, "store")
WAITING, FLOOD, LARGE, LARGE_LEAST = 5000000, 1000000, 200, 20
GOOD_HOSTS, GOOD_RATE, SECONDS, QUIET_S = 40, 400, 60, 5
MIB = 1 << 20


def scaled(count, least=1000):
    return max(least, int(count * SCALE))


@contextlib.contextmanager
def broker():
    """A broker of its own for each figure, so that the disk holds one topic at a time."""
    folder = os.path.join(WORK, "broker")
    with lab.Broker(folder, heap_mib=400) as kafka:
        kafka.topic("live", partitions=12)
        yield kafka
    shutil.rmtree(folder)
    shutil.rmtree(STORE)


@contextlib.contextmanager
def made(*words):
    """Messages that are made up, as they come."""
    with subprocess.Popen([f"{TOOLS}/bench_kafka_records", *map(str, words)], stdout=subprocess.PIPE) as maker:
        yield maker.stdout


def send(kafka, codec, *words):
    """A producer of them at work."""
    with made(*words) as messages:
        command = [lab.TOOL, "produce", "--deadline", "3600", "--form", "sized", "--codec", codec, *kafka.settings_words(), "live"]
        return subprocess.Popen(command, stdin=messages, stdout=subprocess.PIPE)


def disk_mib(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names) / MIB


def tell(**figures):
    print(json.dumps({name: round(value, 1) if isinstance(value, float) else value for name, value in figures.items()}), flush=True)


# ---- Records that wait ---------------------------------------------------------------------------


def waiting(name, fill):
    with broker() as kafka:
        sent = fill(kafka)
        began = time.monotonic()
        child = subprocess.Popen([BACKTRAIL, "ingest", "--quiet", "--store", STORE, "--kafka", kafka.address(), "--topic", "live", "--once"])
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.monotonic() - began
        if status != 0:
            sys.exit(f"ingest ended with status {os.waitstatus_to_exitcode(status)}")
        tell(waiting=name, records=sent, peak_mib=usage.ru_maxrss / 1024, records_per_s=round(sent / wall_s),
             cpu_us_per_record=(usage.ru_utime + usage.ru_stime) * 1e6 / sent, store_mib=disk_mib(STORE))


def fill_sysmon(kafka):
    with send(kafka, "lz4", "sysmon", scaled(WAITING), 500) as producer:
        return json.loads(producer.communicate()[0])["acknowledged"]["messages"]


def fill_audit(kafka):
    """All are due within a second: sent as fast as it goes."""
    sent = kafka.produce("live", LOG, form="audit", codec="lz4", hosts=500, rate=scaled(WAITING), seconds=1)
    return sent.acknowledged.messages


# ---- Floods --------------------------------------------------------------------------------------


def rss_mib(pid):
    """Memory of its own, and pages of files that it has mapped, which the system takes back when it wants them."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith("Rss")}
    return kib["RssAnon"] / 1024, kib["RssFile"] / 1024


def ingest_begin(kafka):
    """An ingest that has joined its group, and has published."""
    child = subprocess.Popen([BACKTRAIL, "ingest", "--quiet", "--store", STORE, "--kafka", kafka.address(), "--topic", "live"])
    kafka.produce("live", LOG, form="audit", key="warm")
    until = time.monotonic() + 120
    while b"warm" not in subprocess.run([BACKTRAIL, "store", "stat", "--by", "host,source", "--store", STORE], capture_output=True, check=False).stdout:
        if time.monotonic() > until:
            child.kill()
            sys.exit("flood.py: nothing is visible after 120 s")
        time.sleep(0.2)
    return child


def flooded(kafka, ingest, words):
    """What the watcher saw, memory every quarter second, and how long the flood took."""
    memory, took_s = [], 0
    watcher = [f"{TOOLS}/bench_kafka_visible", STORE, str(SECONDS + QUIET_S), "host-"]
    with kafka.producing("live", LOG, form="audit", hosts=GOOD_HOSTS, rate=GOOD_RATE, seconds=SECONDS) as good, \
            subprocess.Popen(watcher, stdout=subprocess.PIPE) as reader:
        time.sleep(QUIET_S)
        began = time.monotonic()
        with send(kafka, "none", *words) as flood:
            while reader.poll() is None:
                memory.append(rss_mib(ingest.pid))
                if flood.poll() is None:
                    took_s = time.monotonic() - began
                time.sleep(0.25)
        good.wait()
        return json.loads(reader.stdout.read()), memory, took_s


def flood(name, *words):
    with broker() as kafka:
        ingest = ingest_begin(kafka)
        before_mib = disk_mib(STORE)
        try:
            seen, memory, took_s = flooded(kafka, ingest, words)
        finally:
            ingest.send_signal(signal.SIGTERM)
            _, status, usage = os.wait4(ingest.pid, 0)
        own = [own for own, _ in memory]
        second = own[len(own) // 2:]
        tell(flood=name, messages=words[1], sent_in_s=took_s, good_hosts_visible=seen, peak_mib=usage.ru_maxrss / 1024,
             own_peak_mib=max(own), own_second_half_mib=[round(min(second), 1), round(max(second), 1)],
             mapped_peak_mib=max(mapped for _, mapped in memory), store_mib=disk_mib(STORE) - before_mib, status=status)


def main():
    waiting("audit events of 500 hosts", fill_audit)
    waiting("Sysmon events of 500 hosts", fill_sysmon)
    flood("no records, under keys of noise", "noise", scaled(FLOOD))
    flood("values of 10 MiB", "large", scaled(LARGE, LARGE_LEAST))
    flood("hosts of one record each", "sysmon", scaled(FLOOD), scaled(FLOOD), "flood")


if __name__ == "__main__":
    main()
