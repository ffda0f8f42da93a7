#!/usr/bin/env python3
"""The backward closure in SQL, over the edges that bench_dump_edges prints: the figure to compare a walk with, and a
check of it by an engine that shares no line of code with ours.

usage: closure.py EDGES DATABASE TRACE.json     TRACE.json gives the alert's entity and what our walk found
Prints one JSON object. Exit status 1 when both closures differ in their nodes.

The definition is docs/EVENTS.md, "Causality": R_s(v) for each source s; times of two sources compare within ERROR_NS.
"""
import json
import os
import sqlite3
import sys
import time

ERROR_NS = 10_000_000
NO_SOURCE = -1


def load(db, edges_path):
    """Edges as rows, with the indexes that a walk wants."""
    db.executescript("""
        PRAGMA journal_mode = off; PRAGMA synchronous = off;
        CREATE TABLE node (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
        CREATE TABLE edge (dst INTEGER, src INTEGER, first INTEGER, last INTEGER, source INTEGER);
    """)
    numbers = {}

    def number(name):
        return numbers.setdefault(name, len(numbers))

    def rows():
        with open(edges_path) as lines:
            for line in lines:
                kind, a, b, *rest = line.rstrip("\n").split("\t")
                if kind == "e":
                    yield number(b), number(a), int(rest[0]), int(rest[1]), int(rest[2])
                else:
                    yield number(a), number(b), int(rest[0]), 0, NO_SOURCE
                    yield number(b), number(a), int(rest[0]), 0, NO_SOURCE

    db.executemany("INSERT INTO edge VALUES (?,?,?,?,?)", rows())
    db.executemany("INSERT INTO node VALUES (?,?)", ((n, name) for name, n in numbers.items()))
    db.execute("CREATE INDEX edge_dst ON edge (dst, source, first)")
    db.execute("ANALYZE")
    db.commit()
    return numbers


ROUND = f"""
    INSERT INTO found
    SELECT node, source, max(bound) FROM (
        SELECT e.src AS node, s.id AS source,
               CASE WHEN s.id = e.source THEN min(e.last, r.bound) ELSE min(e.last + {ERROR_NS}, l.bound) END AS bound
        FROM frontier f
        JOIN reach r ON r.node = f.node
        JOIN loosest l ON l.node = f.node
        JOIN edge e ON e.dst = f.node AND e.source = r.source AND e.first <= r.bound
        JOIN source s
        UNION ALL
        SELECT e.src, r.source, r.bound
        FROM frontier f
        JOIN loosest l ON l.node = f.node
        JOIN edge e ON e.dst = f.node AND e.source = {NO_SOURCE} AND e.first <= l.bound
        JOIN reach r ON r.node = f.node
    ) GROUP BY node, source
"""


def closure(db, start, start_source, at_ns):
    """Rounds of relaxation until no bound rises: the least fixed point."""
    db.executescript("""
        CREATE TEMP TABLE source AS SELECT DISTINCT source AS id FROM main.edge WHERE source >= 0;
        CREATE TEMP TABLE reach (node INTEGER, source INTEGER, bound INTEGER, PRIMARY KEY (node, source)) WITHOUT ROWID;
        CREATE TEMP TABLE loosest (node INTEGER PRIMARY KEY, bound INTEGER);
        CREATE TEMP TABLE found (node INTEGER, source INTEGER, bound INTEGER);
        CREATE TEMP TABLE frontier (node INTEGER PRIMARY KEY);
    """)
    db.execute("INSERT INTO reach SELECT ?, id, CASE WHEN id = ? THEN ? ELSE ? END FROM source",
               (start, start_source, at_ns, at_ns + ERROR_NS))
    db.execute("INSERT INTO loosest SELECT node, max(bound) FROM reach GROUP BY node")
    db.execute("INSERT INTO frontier VALUES (?)", (start,))
    rounds = 0
    while True:
        rounds += 1
        db.execute("DELETE FROM found")
        db.execute(ROUND)
        db.execute("DELETE FROM frontier")
        db.execute("""INSERT OR IGNORE INTO frontier SELECT f.node FROM found f LEFT JOIN reach r
                      ON r.node = f.node AND r.source = f.source WHERE r.bound IS NULL OR f.bound > r.bound""")
        if db.execute("SELECT count(*) FROM frontier").fetchone()[0] == 0:
            return rounds
        db.execute("""INSERT INTO reach SELECT node, source, bound FROM found WHERE true
                      ON CONFLICT DO UPDATE SET bound = max(bound, excluded.bound)""")
        db.execute("""INSERT OR REPLACE INTO loosest SELECT node, max(bound) FROM reach
                      WHERE node IN (SELECT node FROM frontier) GROUP BY node""")


def main():
    edges_path, db_path, trace_path = sys.argv[1:]
    with open(trace_path) as file:
        trace = json.load(file)
    if os.path.exists(db_path):
        os.remove(db_path)
    db = sqlite3.connect(db_path)
    began = time.monotonic()
    numbers = load(db, edges_path)
    loaded = time.monotonic()
    start, at_ns = numbers[trace["alert"]["entity"]], trace["alert"]["time_ns"]
    # The alert's own source: the one of the latest event into or out of its entity that ends at its time.
    row = db.execute("SELECT source FROM edge WHERE last = ? AND (dst = ? OR src = ?) AND source >= 0 LIMIT 1",
                     (at_ns, start, start)).fetchone()
    rounds = closure(db, start, row[0] if row else NO_SOURCE, at_ns)
    done = time.monotonic()
    names = {name for (name,) in db.execute("SELECT name FROM node JOIN loosest ON node.id = loosest.node")}
    ours = {node["id"] for node in trace["nodes"]}
    print(json.dumps({
        "edges": db.execute("SELECT count(*) FROM edge").fetchone()[0], "load_ms": round(1000 * (loaded - began)),
        "sqlite_ms": round(1000 * (done - loaded)), "rounds": rounds, "sqlite_nodes": len(names), "our_nodes": len(ours),
        "only_sqlite": len(names - ours), "only_ours": len(ours - names), "our_ms": trace.get("stats", {}).get("wall_ms"),
    }))
    return 0 if names == ours else 1


if __name__ == "__main__":
    sys.exit(main())
