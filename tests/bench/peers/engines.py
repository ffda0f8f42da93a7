"""
The same tables in other engines, each as one who knows it would build them for this question. All hold what a store of
ours holds of an event (both ends, operation, doubt, flags, stream, own time, order times, bytes, record id, line) and of
an entity (id, kind, flags, host, all attributes with their times), and the pairs of half-seen connections, which ours makes while
it walks; none holds gaps, or an index by record or value.

Each class: load(dump), finish() (what the engine offers to pack or merge more), size(), open(), into(frontier, bounds),
which gives dst, src, first, last, source of events and pairs into the frontier: at least those that begin by the bounds.
"""
import os
import sqlite3

import numpy
import pyarrow
import pyarrow.parquet

FLOWS = ("dst", "src", "first", "last", "source")
EVENT_COLUMNS = ("subject", "object", "operation", "doubt", "flags", "stream", "first", "last", "time", "bytes", "record", "line")


def parquet_write(dump, folder):
    """What DuckDB and ClickHouse load: the dump as Parquet, in its order."""
    def write(name, columns):
        pyarrow.parquet.write_table(pyarrow.table(columns), os.path.join(folder, name), compression="none")

    write("events.parquet", {name: dump.events[name] for name in EVENT_COLUMNS})
    hosts = dump.host_names()
    entities = dump.entities
    write("nodes.parquet", {
        "number": numpy.arange(len(entities), dtype=numpy.uint32), "id": pyarrow.array(dump.ids(), pyarrow.binary(16)),
        "kind": entities["kind"], "flags": entities["flags"],
        "host": pyarrow.array([hosts[host] if host < len(hosts) else b"" for host in entities["host"].tolist()], pyarrow.binary())})
    write("attrs.parquet", {"node": dump.attrs["entity"], "key": dump.attrs["key"].astype(numpy.uint8), "since": dump.attrs["since"],
                            "value": pyarrow.array(dump.values(), pyarrow.binary())})
    write("pairs.parquet", {name: dump.pairs[name] for name in ("client", "server", "first")})
    streams = list(zip(*dump.stream_texts())) or [(), (), ()]
    write("streams.parquet", {name: pyarrow.array(streams[i], pyarrow.binary()) for i, name in enumerate(("host", "source", "input"))})


def listed(numbers):
    return ",".join(map(str, numbers))


class OneFile:
    """An engine of one file, which has no more to pack."""
    def finish(self):
        return False

    def size(self):
        return os.path.getsize(self.path)


class SQLite(OneFile):
    """One clustered table by subject and time, and one covering index by object and time: what a closure reads, either way."""
    name = "SQLite"

    def __init__(self, folder, operations):
        self.folder, self.path, self.version = folder, os.path.join(folder, "events.sqlite"), sqlite3.sqlite_version
        self.operations = operations

    def load(self, dump, _):
        db = sqlite3.connect(self.path, isolation_level=None)
        db.executescript("""
            PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -500000;
            CREATE TABLE event (subject INTEGER, first INTEGER, number INTEGER, object INTEGER, operation INTEGER, doubt INTEGER,
                flags INTEGER, stream INTEGER, last INTEGER, time INTEGER, bytes INTEGER, record INTEGER, line INTEGER,
                PRIMARY KEY (subject, first, number)) WITHOUT ROWID;
            CREATE TABLE node (number INTEGER PRIMARY KEY, id BLOB UNIQUE, kind INTEGER, flags INTEGER, host INTEGER);
            CREATE TABLE attr (node INTEGER, key INTEGER, since INTEGER, value BLOB, PRIMARY KEY (node, key, since, value)) WITHOUT ROWID;
            CREATE TABLE host (number INTEGER PRIMARY KEY, name BLOB);
            CREATE TABLE stream (number INTEGER PRIMARY KEY, host BLOB, source BLOB, input BLOB);
            CREATE TABLE pair (dst INTEGER, src INTEGER, first INTEGER, PRIMARY KEY (dst, first, src)) WITHOUT ROWID;
        """)
        db.execute("BEGIN")
        events, order = dump.events, numpy.lexsort((dump.events["first"], dump.events["subject"]))
        columns = ("subject", "first", None, "object", "operation", "doubt", "flags", "stream", "last", "time", "bytes", "record", "line")
        for at in range(0, len(order), 1 << 17):
            part = order[at:at + (1 << 17)]
            rows = zip(*((part if name is None else events[name][part]).tolist() for name in columns))
            db.executemany("INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
        entities = dump.entities
        db.executemany("INSERT INTO node VALUES (?,?,?,?,?)", zip(range(len(entities)), dump.ids(), entities["kind"].tolist(),
                                                                  entities["flags"].tolist(), entities["host"].tolist()))
        db.executemany("INSERT OR IGNORE INTO attr VALUES (?,?,?,?)", zip(dump.attrs["entity"].tolist(), dump.attrs["key"].tolist(),
                                                                          dump.attrs["since"].tolist(), dump.values()))
        db.executemany("INSERT INTO host VALUES (?,?)", enumerate(dump.host_names()))
        db.executemany("INSERT INTO stream VALUES (?,?,?,?)", ((i, *texts) for i, texts in enumerate(dump.stream_texts())))
        for first, client, server in dump.pairs.tolist():
            db.executemany("INSERT OR IGNORE INTO pair VALUES (?,?,?)", ((client, server, first), (server, client, first)))
        db.execute("CREATE INDEX event_object ON event (object, first, subject, last, stream, operation)")
        db.execute("COMMIT")
        db.close()

    def open(self):
        self.db = sqlite3.connect(self.path)
        self.db.executescript("PRAGMA cache_size = -500000; CREATE TEMP TABLE frontier (node INTEGER PRIMARY KEY, bound INTEGER);")

    def into(self, nodes, bounds):
        self.db.execute("DELETE FROM frontier")
        self.db.executemany("INSERT INTO frontier VALUES (?,?)", zip(nodes.tolist(), bounds.tolist()))
        found = self.db.execute(f"""
            SELECT e.object, e.subject, e.first, e.last, e.stream FROM frontier f CROSS JOIN event e INDEXED BY event_object
                ON e.object = f.node AND e.first <= f.bound WHERE e.operation IN ({listed(self.operations["out"] + self.operations["both"])})
            UNION ALL SELECT e.subject, e.object, e.first, e.last, e.stream FROM frontier f CROSS JOIN event e
                ON e.subject = f.node AND e.first <= f.bound WHERE e.operation IN ({listed(self.operations["in"] + self.operations["both"])})
            UNION ALL SELECT p.dst, p.src, p.first, 0, -1 FROM frontier f CROSS JOIN pair p ON p.dst = f.node AND p.first <= f.bound""")
        rows = numpy.fromiter(found, dtype=numpy.dtype([(name, "i8") for name in FLOWS]))
        return [rows[name] for name in FLOWS]


class DuckDB(OneFile):
    """Sorted by subject and time, every type as narrow as it can be; the object's side is scanned, as columns are for."""
    name = "DuckDB"

    def __init__(self, folder, operations):
        import duckdb
        self.duckdb, self.version = duckdb, duckdb.__version__
        self.folder, self.path, self.operations = folder, os.path.join(folder, "events.duckdb"), operations

    def load(self, _, parquet):
        db = self.duckdb.connect(self.path)
        db.execute(f"""CREATE TABLE event AS SELECT subject::UINTEGER AS subject, object::UINTEGER AS object, operation::UTINYINT AS operation,
            doubt::UTINYINT AS doubt, flags::UTINYINT AS flags, stream::USMALLINT AS stream, first, last - first AS lasts,
            time, bytes, record, line FROM read_parquet('{parquet}/events.parquet') ORDER BY subject, first""")
        for table in ("node", "attr", "stream"):
            db.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{parquet}/{table}s.parquet')")
        db.execute(f"""CREATE TABLE pair AS SELECT client AS dst, server AS src, first FROM read_parquet('{parquet}/pairs.parquet')
                       UNION ALL SELECT server, client, first FROM read_parquet('{parquet}/pairs.parquet')""")
        db.execute("CHECKPOINT")
        db.close()

    def open(self):
        self.db = self.duckdb.connect(self.path, read_only=True)

    def into(self, nodes, bounds):
        self.db.register("frontier", pyarrow.table({"node": nodes, "bound": bounds}))
        found = self.db.execute(f"""
            SELECT e.object AS dst, e.subject AS src, e.first, e.first + e.lasts AS last, e.stream AS source FROM event e JOIN frontier f
                ON e.object = f.node AND e.first <= f.bound WHERE e.operation IN ({listed(self.operations["out"] + self.operations["both"])})
            UNION ALL SELECT e.subject, e.object, e.first, e.first + e.lasts, e.stream FROM event e JOIN frontier f
                ON e.subject = f.node AND e.first <= f.bound WHERE e.operation IN ({listed(self.operations["in"] + self.operations["both"])})
            UNION ALL SELECT p.dst, p.src, p.first, 0, -1 FROM pair p JOIN frontier f ON p.dst = f.node AND p.first <= f.bound""").fetchnumpy()
        return [numpy.asarray(found[name], dtype=numpy.int64) for name in FLOWS]


class ClickHouse:
    """MergeTree by subject and time, differences and zstd; the object's side is scanned, as columns are for."""
    name, packing = "ClickHouse", "ZSTD"

    def __init__(self, folder, operations):
        import chdb
        from chdb import session
        self.session, self.version = session, chdb.__version__
        self.folder, self.path, self.operations = folder, os.path.join(folder, "clickhouse"), operations

    def load(self, _, parquet):
        db = self.session.Session(self.path)
        db.query("CREATE DATABASE IF NOT EXISTS b")
        for table in (
                """event (subject UInt32 CODEC(Delta, ZSTD), object UInt32 CODEC(ZSTD), operation UInt8 CODEC(ZSTD), doubt UInt8 CODEC(ZSTD),
                flags UInt8 CODEC(ZSTD), stream UInt16 CODEC(ZSTD), first Int64 CODEC(Delta, ZSTD), lasts Int64 CODEC(ZSTD),
                time Int64 CODEC(Delta, ZSTD), bytes Int64 CODEC(ZSTD), record UInt64 CODEC(Delta, ZSTD), line UInt64 CODEC(Delta, ZSTD))
                ENGINE = MergeTree ORDER BY (subject, first)""",
                """node (number UInt32 CODEC(Delta, ZSTD), id FixedString(16) CODEC(NONE), kind UInt8 CODEC(ZSTD), flags UInt8 CODEC(ZSTD),
                host LowCardinality(String)) ENGINE = MergeTree ORDER BY number""",
                """attr (node UInt32 CODEC(Delta, ZSTD), key UInt8 CODEC(ZSTD), since Int64 CODEC(Delta, ZSTD), value String CODEC(ZSTD))
                ENGINE = MergeTree ORDER BY (node, key)"""):
            db.query("CREATE TABLE b." + table.replace("ZSTD", self.packing))
        db.query("CREATE TABLE b.stream (host String, source String, input String) ENGINE = MergeTree ORDER BY tuple()")
        db.query("CREATE TABLE b.pair (dst UInt32, src UInt32, first Int64) ENGINE = MergeTree ORDER BY dst")
        db.query(f"""INSERT INTO b.event SELECT subject, object, operation, doubt, flags, stream, first, last - first, time, bytes,
            record, line FROM file('{parquet}/events.parquet', Parquet)""")
        for table in ("node", "attr", "stream"):
            db.query(f"INSERT INTO b.{table} SELECT * FROM file('{parquet}/{table}s.parquet', Parquet)")
        for ends in ("client, server", "server, client"):
            db.query(f"INSERT INTO b.pair SELECT {ends}, first FROM file('{parquet}/pairs.parquet', Parquet)")
        db.close()

    def finish(self):
        db = self.session.Session(self.path)
        for table in ("event", "node", "attr", "stream", "pair"):
            db.query(f"OPTIMIZE TABLE b.{table} FINAL")
        db.close()
        return True

    def size(self):
        db = self.session.Session(self.path)
        told = db.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'b' AND table != 'pair'", "CSV")
        db.close()
        return int(str(told))

    def open(self):
        self.db = self.session.Session(self.path)

    def into(self, nodes, _):
        frontier = listed(nodes.tolist())
        found = self.db.query(f"""
            SELECT object AS dst, subject AS src, first, first + lasts AS last, toInt64(stream) AS source FROM b.event
                WHERE object IN ({frontier}) AND operation IN ({listed(self.operations["out"] + self.operations["both"])})
            UNION ALL SELECT subject, object, first, first + lasts, toInt64(stream) FROM b.event
                WHERE subject IN ({frontier}) AND operation IN ({listed(self.operations["in"] + self.operations["both"])})
            UNION ALL SELECT dst, src, first, 0, -1 FROM b.pair WHERE dst IN ({frontier})
            SETTINGS max_query_size = 1000000000, max_ast_elements = 100000000, max_expanded_ast_elements = 100000000""", "ArrowStream")
        table = pyarrow.ipc.open_stream(found.bytes()).read_all()
        return [table[name].to_numpy().astype(numpy.int64) for name in FLOWS]


class ClickHouse9(ClickHouse):
    """The same, packed harder."""
    name, packing = "ClickHouse-zstd9", "ZSTD(9)"


ALL = {engine.name: engine for engine in (SQLite, DuckDB, ClickHouse, ClickHouse9)}
