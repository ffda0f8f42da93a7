#!/usr/bin/env python3
"""One other engine with the events of a dump, in a process of its own (compare.py runs it).

usage: engine.py prepare DUMP                 what DuckDB and ClickHouse load: Parquet, beside the dump
       engine.py small DUMP COUNT             COUNT records, taken by a seed, as SPECs
       engine.py load NAME DUMP FOLDER        one line of JSON
       engine.py closure NAME DUMP FOLDER ANSWER RUNS   milliseconds of the first closure of this process, and the best of RUNS
                                              more; status 1 when it has other nodes than ANSWER, made by compare.py
"""
import json
import os
import resource
import shutil
import sys
import time

import numpy

import engines
import events
import rounds

EVENT_H = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../../base/include/btr/event.h")
SEED = 20261123


def peak_mib():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def load(name, dump_folder, folder):
    """Timed without the start of Python and the import of the engine; the peak of memory has both in it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    engine = engines.ALL[name](folder, events.operations(EVENT_H))
    count = os.path.getsize(os.path.join(dump_folder, "events.bin")) // events.EVENT.itemsize
    began, cpu_began = time.monotonic(), time.process_time()
    engine.load(events.Dump(dump_folder) if name == "SQLite" else None, dump_folder)
    told = {"peer": f"{name} {engine.version}", "load_s": time.monotonic() - began, "cpu_s": time.process_time() - cpu_began,
            "bytes": engine.size() / count}
    began, cpu_began = time.monotonic(), time.process_time()
    if engine.finish():
        told.update(finish_s=time.monotonic() - began, finish_cpu_s=time.process_time() - cpu_began, fresh=told["bytes"],
                    bytes=engine.size() / count)
    print(json.dumps({**told, "peak_mib": peak_mib()}))


def start_of(dump, answer):
    """(entity number, stream, time) of an alert; stream -1 when no event of the entity ends at its time."""
    entity = int(answer["alert"]["entity"], 16)
    here = (dump.entities["high"] == entity >> 64) & (dump.entities["low"] == entity & (1 << 64) - 1)
    start, at_ns = int(numpy.flatnonzero(here)[0]), answer["alert"]["time_ns"]
    mine = (dump.events["last"] == at_ns) & ((dump.events["subject"] == start) | (dump.events["object"] == start))
    return start, int(dump.events["stream"][mine][0]) if mine.any() else -1, at_ns


class BySource:
    """An engine whose flows tell the source of their stream: host and agent, whatever the input."""

    def __init__(self, engine, dump):
        names = [texts[:2] for texts in dump.stream_texts()]
        self.engine, self.sources = engine, numpy.array([names.index(name) for name in names] + [-1])

    def into(self, nodes, bounds):
        *flow, stream = self.engine.into(nodes, bounds)
        return (*flow, self.sources[stream])


def closures(name, dump_folder, folder, answer_path, runs):
    with open(answer_path, encoding="utf-8") as file:
        answer = json.load(file)
    dump = events.Dump(dump_folder)
    start, stream, at_ns = start_of(dump, answer)
    ids, node_count = dump.ids(), len(dump.entities)
    engine = engines.ALL[name](folder, events.operations(EVENT_H))
    asked = BySource(engine, dump)
    source = int(asked.sources[stream])
    del dump
    times, processors = [], []
    for again in range(runs + 1):
        began, cpu_began = time.monotonic(), time.process_time()
        if not again:
            engine.open()
        nodes, round_count, fetched = rounds.closure(asked, node_count, start, source, at_ns)
        times.append(1000 * (time.monotonic() - began))
        processors.append(1000 * (time.process_time() - cpu_began))
    same = {ids[node].hex() for node in nodes.tolist()} == set(answer["nodes"])
    print(json.dumps({"peer": name, "nodes": len(nodes), "first_ms": times[0], "cpu_ms": processors[0], "again_ms": min(times[1:] or times),
                      "rounds": round_count, "fetched": fetched, "peak_mib": peak_mib(), "same": same}))
    return 0 if same else 1


def small(dump_folder, count):
    dump = events.Dump(dump_folder)
    hosts = dump.host_names()
    plain = numpy.flatnonzero(((dump.events["flags"] & 6) == 0) & (dump.events["record"] > 0))  # neither PART nor IMPLIED
    for event in dump.events[numpy.random.default_rng(SEED).choice(plain, count)]:
        print("record:%s/%d" % (hosts[dump.streams[event["stream"]]["host"]].decode(), event["record"]))


def main():
    verb, arguments = sys.argv[1] if len(sys.argv) > 1 else None, sys.argv[2:]
    if verb == "prepare" and len(arguments) == 1:
        return engines.parquet_write(events.Dump(arguments[0]), arguments[0])
    if verb == "small" and len(arguments) == 2:
        return small(arguments[0], int(arguments[1]))
    if verb == "load" and len(arguments) == 3:
        return load(*arguments)
    if verb == "closure" and len(arguments) == 5:
        return closures(*arguments[:4], int(arguments[4]))
    return __doc__


if __name__ == "__main__":
    sys.exit(main())
