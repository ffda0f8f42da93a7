#!/usr/bin/env python3
"""The backward closure over DuckDB and ClickHouse (chdb): sizes, load and time, and a check that the nodes are ours.

usage: peers.py EDGES.tsv FOLDER TRACE.json     as closure.py, which does the same for SQLite
The engine finds the edges into the frontier, round by round; numpy raises the bounds. The peers hold the edges alone
(both ends as integers, first, last, source), without bytes, locators or entities: less than a store of ours does.
Exit status 1 when a closure differs.
"""
import json
import os
import shutil
import sys
import time

import numpy
import pyarrow

ERROR_NS = 10_000_000
COLUMNS = ("dst", "src", "first", "last", "source")


def read(path):
    """Edges as columns, ordered by dst and first, and the number of each name; a pair is two edges of source -1."""
    numbers, rows = {}, []
    with open(path) as lines:
        for line in lines:
            kind, a, b, *rest = line.rstrip("\n").split("\t")
            a, b = (numbers.setdefault(name, len(numbers)) for name in (a, b))
            if kind == "e":
                rows.append((b, a, int(rest[0]), int(rest[1]), int(rest[2])))
            else:
                rows += [(a, b, int(rest[0]), 0, -1), (b, a, int(rest[0]), 0, -1)]
    columns = numpy.array(rows, dtype=numpy.int64).T
    order = numpy.lexsort((columns[2], columns[0]))
    return dict(zip(COLUMNS, columns[:, order])), numbers


class DuckDB:
    def __init__(self, folder, edges):
        import duckdb
        self.version, self.path = duckdb.__version__, os.path.join(folder, "edges.duckdb")
        self.db = duckdb.connect(self.path)
        self.db.register("arrows", pyarrow.table(edges))
        self.db.execute("""CREATE TABLE edge AS SELECT dst::INTEGER AS dst, src::INTEGER AS src, first, last,
                           source::SMALLINT AS source FROM arrows ORDER BY dst, first""")
        self.db.execute("CHECKPOINT")

    def into(self, nodes):
        self.db.register("frontier", pyarrow.table({"node": nodes}))
        found = self.db.execute("SELECT e.* FROM edge e SEMI JOIN frontier f ON e.dst = f.node").fetchnumpy()
        return [numpy.asarray(found[name], dtype=numpy.int64) for name in COLUMNS]


class ClickHouse:
    def __init__(self, folder, edges):
        import chdb
        from chdb import session
        import pyarrow.parquet
        self.version, self.path = chdb.__version__, os.path.join(folder, "clickhouse")
        file = os.path.join(folder, "edges.parquet")
        pyarrow.parquet.write_table(pyarrow.table(edges), file)
        self.db = session.Session(self.path)
        self.db.query("CREATE DATABASE IF NOT EXISTS b")
        self.db.query("""CREATE TABLE b.edge (dst UInt32 CODEC(Delta, ZSTD), src UInt32 CODEC(ZSTD), first Int64
            CODEC(Delta, ZSTD), last Int64 CODEC(Delta, ZSTD), source Int16 CODEC(ZSTD))
            ENGINE = MergeTree ORDER BY (dst, first)""")
        self.db.query(f"INSERT INTO b.edge SELECT dst, src, first, last, source FROM file('{file}', Parquet)")

    def into(self, nodes):
        listed = ",".join(map(str, nodes))
        found = self.db.query(f"SELECT dst, src, first, last, source FROM b.edge WHERE dst IN ({listed})", "ArrowStream")
        table = pyarrow.ipc.open_stream(found.bytes()).read_all()
        return [table[name].to_numpy().astype(numpy.int64) for name in COLUMNS]


def closure(engine, node_count, source_count, start, start_source, at_ns):
    """Rounds until no bound rises: docs/EVENTS.md, "Causality"."""
    bound = numpy.full((node_count, source_count), numpy.iinfo(numpy.int64).min)
    bound[start] = at_ns + ERROR_NS
    if start_source >= 0:
        bound[start, start_source] = at_ns
    frontier = numpy.array([start])
    while frontier.size:
        dst, src, first, last, source = engine.into(frontier)
        here = bound[dst]
        loosest, own = here.max(axis=1), here[numpy.arange(dst.size), source]
        pair = source < 0
        keep = first <= numpy.where(pair, loosest, own)
        new = numpy.minimum(last + ERROR_NS, loosest)[:, None].repeat(source_count, axis=1)
        new[numpy.arange(dst.size), source] = numpy.minimum(last, own)
        new[pair] = here[pair]
        before = bound.copy()
        numpy.maximum.at(bound, src[keep], new[keep])
        frontier = numpy.flatnonzero((bound != before).any(axis=1))
    return numpy.flatnonzero(bound.max(axis=1) > numpy.iinfo(numpy.int64).min)


def size_of(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.lstat(os.path.join(root, name)).st_size for root, _, names in os.walk(path) for name in names)


def main():
    edges_path, folder, trace_path = sys.argv[1:]
    with open(trace_path) as file:
        trace = json.load(file)
    edges, numbers = read(edges_path)
    start, at_ns = numbers[trace["alert"]["entity"]], trace["alert"]["time_ns"]
    mine = (edges["last"] == at_ns) & ((edges["dst"] == start) | (edges["src"] == start)) & (edges["source"] >= 0)
    start_source = int(edges["source"][mine][0]) if mine.any() else -1
    ours, count, failed = {numbers.get(n["id"], -1) for n in trace["nodes"]}, len(edges["dst"]), False
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for kind in (DuckDB, ClickHouse):
        began = time.monotonic()
        try:
            engine = kind(folder, edges)
        except ImportError as why:
            print(f"peers: {kind.__name__} is left out: {why}", file=sys.stderr)
            continue
        load_s, best_s = time.monotonic() - began, None
        for _ in range(3):
            began = time.monotonic()
            nodes = closure(engine, len(numbers), int(edges["source"].max()) + 1, start, start_source, at_ns)
            took_s = time.monotonic() - began
            best_s = took_s if best_s is None else min(best_s, took_s)
        same = set(nodes.tolist()) == ours
        failed |= not same
        print(json.dumps({"peer": kind.__name__, "version": engine.version, "edges": count,
                          "bytes_per_edge": round(size_of(engine.path) / count, 2), "load_edges_per_s": round(count / load_s),
                          "closure_ms": round(1000 * best_s, 1), "nodes": len(nodes), "our_nodes": len(ours),
                          "our_ms": trace.get("stats", {}).get("wall_ms"), "same_nodes": same}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
