"""Rows of the flat files that bench_dump_events writes (dump.h), as numpy arrays."""
import os
import re

import numpy

EVENT = numpy.dtype([("time", "<i8"), ("first", "<i8"), ("last", "<i8"), ("bytes", "<i8"), ("record", "<u8"), ("line", "<u8"),
                     ("subject", "<u4"), ("object", "<u4"), ("stream", "<u4"), ("operation", "u1"), ("doubt", "u1"),
                     ("flags", "u1"), ("zero", "u1")])  # bytes: -1 where no agent told
ENTITY = numpy.dtype([("high", "<u8"), ("low", "<u8"), ("host", "<u4"), ("attr_first", "<u4"), ("attrs", "<u4"), ("kind", "u1"),
                      ("flags", "u1"), ("zero", "<u2")])
ATTR = numpy.dtype([("since", "<i8"), ("offset", "<u8"), ("size", "<u4"), ("entity", "<u4"), ("key", "<u4"), ("zero", "<u4")])
HOST = numpy.dtype([("offset", "<u8"), ("size", "<u8")])
STREAM = numpy.dtype([("host", "<u4"), ("zero", "<u4"), ("source_offset", "<u8"), ("source_size", "<u8"), ("input_offset", "<u8"),
                      ("input_size", "<u8")])
PAIR = numpy.dtype([("first", "<i8"), ("client", "<u4"), ("server", "<u4")])



class Dump:
    """All files of a dump, and its texts."""

    def __init__(self, folder):
        def rows(name, kind):
            return numpy.fromfile(os.path.join(folder, name), dtype=kind)

        self.events, self.entities, self.attrs = rows("events.bin", EVENT), rows("entities.bin", ENTITY), rows("attrs.bin", ATTR)
        self.hosts, self.streams, self.pairs = rows("hosts.bin", HOST), rows("streams.bin", STREAM), rows("pairs.bin", PAIR)
        with open(os.path.join(folder, "texts.bin"), "rb") as file:
            self.texts = file.read()

    def text(self, offset, size):
        return self.texts[offset:offset + size]

    def host_names(self):
        return [self.text(offset, size) for offset, size in self.hosts.tolist()]

    def ids(self):
        """16 bytes each, high half first."""
        return [high.to_bytes(8, "big") + low.to_bytes(8, "big") for high, low in zip(self.entities["high"].tolist(), self.entities["low"].tolist())]

    def values(self):
        return [self.text(offset, size) for offset, size in zip(self.attrs["offset"].tolist(), self.attrs["size"].tolist())]

    def stream_texts(self):
        """(host, source, input) of each stream."""
        names = self.host_names()
        return [(names[row["host"]], self.text(int(row["source_offset"]), int(row["source_size"])),
                 self.text(int(row["input_offset"]), int(row["input_size"]))) for row in self.streams]


def operations(page):
    """{direction: numbers of operations}, from the table in base/include/btr/event.h."""
    found = {}
    with open(page, encoding="utf-8") as lines:
        for line in lines:
            row = re.match(r"\s+X\([A-Z_]+, (\d+), (IN|OUT|BOTH|NONE|MEET), ", line)
            if row:
                found.setdefault(row.group(2).lower(), []).append(int(row.group(1)))
    return found
