#!/usr/bin/env python3
"""usage: throughput.py WORK RECORDS RECORDING...   What ../kafka.sh says.

A topic for each kind of record and compression, of 12 partitions, keyed by host: Sysmon JSON (WORK/sysmon, as sysmon.py writes it); audit
events, one a message; audit lines, one a message. Recordings are repeated as other hosts' until there are enough. In each round a bare
consumer counts the topic's records, then `ingest --once` seals them into a new store; the rate of ingest is that of the whole process.
`share` is the median of the rounds' quotients, all else the median of its own.
"""
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys

import lab

BACKTRAIL, CONSUME = os.environ["BACKTRAIL"], os.environ["BTR_KAFKA_CONSUME"]
HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.path.abspath(sys.argv[1])
RECORDINGS = sys.argv[3:]
ROUNDS = 3


def fill(kafka, topic, kind, codec, count):
    kafka.topic(topic, partitions=12)
    if kind == "sysmon":
        return kafka.produce(topic, os.path.join(WORK, "sysmon"), form="sized", codec=codec).acknowledged.messages
    sent = copy = 0
    while sent < count:
        for log in sorted(glob.glob(os.path.join(RECORDINGS[copy % len(RECORDINGS)], "*.audit.log.zst"))):
            key = f"c{copy}-{os.path.basename(log).split('.')[0]}"
            sent += kafka.produce(topic, log, form=kind, key=key, codec=codec).acknowledged.messages
        copy += 1
    return sent


def run(words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=3600, check=False)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()


def bare(client, topic):
    status, out, told = run([CONSUME, *client, topic])
    if status != 0:
        sys.exit(told)
    return json.loads(out)


def ingest(client, topic, records):
    store = os.path.join(WORK, "store")
    shutil.rmtree(store, ignore_errors=True)
    brokers, *rest = [word for word in client if word != "-X"]
    words = [os.path.join(HERE, "..", "measure.py"), BACKTRAIL, "ingest", "--quiet", "--store", store, "--kafka", brokers.split("=", 1)[1],
             "--topic", topic, "--once"]
    status, out, told = run([*words, *(word for setting in rest for word in ("-X", setting))])
    if status != 0:
        sys.exit(told)
    cost = json.loads(out)
    return {"records_per_s": records / cost["wall_s"], "cpu_us_per_record": cost["cpu_s"] * 1e6 / records, "peak_mib": cost["peak_mib"]}


def median(values):
    return float(f"{statistics.median(values):.4g}")


def compare(kafka, topic, listener, records):
    client, rounds = kafka.settings_words(kafka.client(listener)), []
    for _ in range(ROUNDS):
        rounds.append((bare(client, topic), ingest(client, topic, records)))
    row = {"topic": topic, "link": listener, "records": records}
    for name, of in zip(("bare", "ingest"), zip(*rounds)):
        row[name] = {key: median(one[key] for one in of) for key in ("records_per_s", "cpu_us_per_record", "peak_mib")}
    row["share"] = median(ours["records_per_s"] / least["records_per_s"] for least, ours in rounds)
    print(json.dumps(row), flush=True)


def main():
    count = int(sys.argv[2])
    kinds = ["sysmon"] if os.path.exists(os.path.join(WORK, "sysmon")) else []
    with lab.Broker(os.path.join(WORK, "broker"), listeners=("tls",), heap_mib=400) as kafka:
        for kind in [*kinds, "audit", "lines"]:
            for codec in ("none", "lz4"):
                topic = f"{kind}-{codec}"
                records = fill(kafka, topic, kind, codec, count)
                compare(kafka, topic, "plain", records)
                if kind != "lines":
                    compare(kafka, topic, "tls", records)
                kafka.topic_delete(topic)


if __name__ == "__main__":
    main()
