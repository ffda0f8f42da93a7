#!/usr/bin/env python3
"""An independent reader of kept records, written from docs/FORMAT.md alone; it shares no code with the program.

  read_records.py FILE                    prints every record, one JSON line each
  read_records.py FILE --expect LINES     the same, compared with a file of lines; exit 1 when they differ

Checksums (XXH3) are not checked: Python's library has none. zstd frames go through the `zstd` tool.
Bytes that are no UTF-8 are printed as Python's surrogateescape has them.
"""
import json
import struct
import subprocess
import sys
import tempfile

HEADER, ROW = 64, 40


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def text(data, at):
    size, at = varint(data, at)
    if at + size > len(data):
        raise ValueError("ends early")
    return data[at:at + size], at + size


class Records:
    def __init__(self, data):
        (magic, version, flags, inputs, self.blocks, self.records, self.raw_size, names, dictionary, size, _,
         _) = struct.unpack_from("<4sHHIIQQIIQQQ", data, 0)
        if magic != b"BREC" or version != 1 or flags != 0:
            raise ValueError("not kept records of format 1")
        if size != len(data):
            raise ValueError("not all of the file is there")
        self.data, self.inputs, at = data, [], HEADER
        for _ in range(inputs):
            name, at = text(data, at)
            head, = struct.unpack_from("<Q", data, at)
            form, at = text(data, at + 8)
            self.inputs.append((name, head, form))
        if at != HEADER + names:
            raise ValueError("inputs do not end where the header says")
        self.rows = at
        at += self.blocks * ROW
        self.dictionary = None
        if dictionary:
            self.dictionary = tempfile.NamedTemporaryFile()
            self.dictionary.write(data[at:at + dictionary])
            self.dictionary.flush()
        self.first = at + dictionary

    def unpack(self, packed):
        command = ["zstd", "-dcq"] + (["-D", self.dictionary.name] if self.dictionary else [])
        return subprocess.run(command, input=packed, stdout=subprocess.PIPE, check=True).stdout

    def __iter__(self):
        at = self.first
        for i in range(self.blocks):
            packed, raw, source, count, line, last, _ = struct.unpack_from("<IIIIQQQ", self.data, self.rows + i * ROW)
            body = self.unpack(self.data[at:at + packed])
            at += packed
            if len(body) != raw:
                raise ValueError("block %d: wrong size" % i)
            yield from self.block(body, self.inputs[source], count, line, last)
        if at != len(self.data):
            raise ValueError("bytes after the last block")

    def block(self, body, source, count, line, last):
        runs, at = varint(body, 0)
        lines = []
        for _ in range(runs):
            skipped, at = varint(body, at)
            many, at = varint(body, at)
            lines += range(line + skipped, line + skipped + many)
            line = lines[-1] + 1
        records = body[at:].split(b"\n")
        if records.pop() != b"" or len(records) != len(lines) or len(lines) != count or lines[-1] != last:
            raise ValueError("a block that is not as its row says")
        for number, record in zip(lines, records):
            yield {"input": source[0], "digest": "%016x" % source[1], "format": source[2], "line": number,
                   "record": record}


def plain(row):
    return {k: v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else v for k, v in row.items()}


def main(arguments):
    if len(arguments) not in (1, 3) or (len(arguments) == 3 and arguments[1] != "--expect"):
        print(__doc__, file=sys.stderr)
        return 2
    with open(arguments[0], "rb") as file:
        records = Records(file.read())
    lines = [json.dumps(plain(row)) for row in records]
    if len(lines) != records.records:
        print("%d records instead of %d" % (len(lines), records.records), file=sys.stderr)
        return 1
    if len(arguments) == 1:
        print("\n".join(lines))
        return 0
    with open(arguments[2], encoding="ascii") as file:
        expected = file.read().splitlines()
    if lines != expected:
        print("the records differ from %s" % arguments[2], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
