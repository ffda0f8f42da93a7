#!/usr/bin/env python3
"""An independent reader of segments, written from docs/FORMAT.md alone; it shares no code with the program.

  read_segment.py FILE                    prints every event, entity, gap, quarantined record, proof and count of what is usual, one JSON line each
  read_segment.py FILE --expect LINES     the same, compared with a file of lines; exit 1 when they differ

Checksums (XXH3) are not checked: Python's library has none. zstd frames go through the `zstd` tool.
Bytes that are no UTF-8 are printed as Python's surrogateescape has them.
"""
import itertools
import json
import struct
import subprocess
import sys
import tempfile

NAMES = {1: "strings", 2: "streams", 3: "inputs", 4: "ids", 5: "numbers", 6: "kinds", 7: "entities", 8: "blocks", 9: "events",
         10: "details", 11: "index", 12: "records", 13: "lines", 14: "statistics", 15: "gaps", 16: "quarantine",
         17: "reach", 18: "filter", 19: "values", 20: "dictionaries", 21: "moments", 22: "locators",
         23: "stretches", 24: "counts", 25: "proofs", 26: "usual"}
THINNED = 16
MASK = (1 << 64) - 1


def signed(value):
    value &= MASK
    return value - (1 << 64) if value >> 63 else value


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise ValueError("ends early")
        self.at += size
        return self.data[self.at - size:self.at]

    def u8(self):
        return self.take(1)[0]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def u64(self):
        return struct.unpack("<Q", self.take(8))[0]

    def i64(self):
        return struct.unpack("<q", self.take(8))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value & MASK

    def zigzag(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def text(self):
        return self.take(self.varint())

    def column(self, count, read=None):
        read = read or self.varint
        return [read() for _ in range(count)]

    def end(self):
        if self.at != len(self.data):
            raise ValueError("%d bytes left over" % (len(self.data) - self.at))


class Segment:
    def __init__(self, data):
        magic, version, flags, sections = struct.unpack_from("<4sHHI", data, 0)
        if magic != b"BSEG" or version not in (1, 2, 3) or flags != 0:
            raise ValueError("not a segment of format 1, 2 or 3")
        self.version = version
        (self.events, self.entities, self.strings, self.streams, self.inputs, self.first, self.last,
         size, _) = struct.unpack_from("<IIIIIqqQQ", data, 12)
        if size != len(data):
            raise ValueError("not all of the file is there")
        self.data, self.sections, self.files = data, {}, {}
        for i in range(sections):
            kind, flags, blocks, offset, size, _, _ = struct.unpack_from("<HHIQQQQ", data, 64 + 40 * i)
            if kind in NAMES:
                self.sections[NAMES[kind]] = (flags, blocks, offset)
            elif not flags & 1:
                raise ValueError("section %d is not known" % kind)

    def blocks(self, name):
        """(first item, items, bytes) of every block of a section."""
        flags, count, offset = self.sections.get(name, (0, 0, 0))
        at = offset + 24 * count
        for i in range(count):
            packed, raw, first, items, _ = struct.unpack_from("<IIIIQ", self.data, offset + 24 * i)
            body = self.data[at:at + packed]
            at += packed
            if raw and not flags & 2:
                command = ["zstd", "-dcq"] + (["-D", self.dictionary(name)] if flags & 4 else [])
                body = subprocess.run(command, input=body, stdout=subprocess.PIPE, check=True).stdout
            if len(body) != raw:
                raise ValueError("section %s, block %d: wrong size" % (name, i))
            yield first, items, Bytes(body)

    def dictionary(self, name):
        """The dictionary of a section, as a file."""
        if name not in self.files:
            kind = next(k for k in NAMES if NAMES[k] == name)
            for _, _, b in self.blocks("dictionaries"):
                if b.data[0] | b.data[1] << 8 == kind:
                    self.files[name] = tempfile.NamedTemporaryFile()
                    self.files[name].write(b.data[2:])
                    self.files[name].flush()
        return self.files[name].name

    def one(self, name):
        for _, _, body in self.blocks(name):
            return body
        return Bytes(b"")

    def read_strings(self):
        out = []
        for _, items, b in self.blocks("strings"):
            shared, rest = b.column(items), b.column(items)
            before = b""
            for i in range(items):
                before = before[:shared[i]] + b.take(rest[i])
                out.append(before)
            b.end()
        return out

    def read_names(self):
        b = self.one("inputs")
        inputs = [(b.text(), b.u64(), b.varint()) for _ in range(self.inputs)]
        b.end()
        b = self.one("streams")
        streams = [(b.text(), b.text(), inputs[b.varint()]) for _ in range(self.streams)]
        b.end()
        return streams

    def read_ids(self):
        """Ids by number."""
        return self.read_old_ids() if self.version == 1 else self.read_new_ids()

    def read_new_ids(self):
        out, self.kinds = [], []
        for _, items, b in self.blocks("ids"):
            bits = b.u8()
            words = b.take(1 << bits) if bits < 8 else range(256)
            codes = int.from_bytes(b.take((items * bits + 7) // 8), "little")
            self.kinds += [words[codes >> i * bits & (1 << bits) - 1] for i in range(items)]
            out += [(b.u64(), b.u64()) for _ in range(items)]
            b.end()
        self.check_numbers(out)
        self.check_filter(out)
        self.check_values()
        return ["%016x%016x" % pair for pair in out]

    def read_buckets(self, name, below):
        """(bucket, bits of buckets, number) of all, in their order."""
        blocks = list(self.blocks(name))
        bits = max(sum(items for _, items, _ in blocks) - 1, 0).bit_length()
        width, buckets, bucket = max(below - 1, 0).bit_length(), min(1 << bits, 1024), 0
        for _, items, b in blocks:
            ones = int.from_bytes(b.take((items + buckets + 7) // 8), "little")
            numbers = int.from_bytes(b.take((items * width + 7) // 8), "little")
            b.take(3)
            b.end()
            for bucket in range(bucket, bucket + buckets):
                while ones & 1:
                    yield bucket, bits, numbers & (1 << width) - 1
                    ones, numbers = ones >> 1, numbers >> width
                ones >>= 1
            bucket += 1

    def check_numbers(self, ids):
        """Every id must be found in its bucket."""
        order, at = sorted(range(len(ids)), key=lambda n: ids[n]), 0
        for bucket, bits, number in self.read_buckets("numbers", len(ids)):
            if number != order[at] or ids[number][0] >> 64 - bits != bucket:
                raise ValueError("numbers: place %d" % at)
            at += 1
        if at != len(ids):
            raise ValueError("numbers: not all entities are there")

    def check_values(self):
        """Hashes are not made here; what they lead to must be there."""
        blocks = len(list(self.blocks("entities")))
        for _, _, block in self.read_buckets("values", blocks):
            if block >= blocks:
                raise ValueError("values: entity block %d" % block)

    def check_filter(self, ids):
        """No id of the segment may be denied."""
        parts = [b.data for _, _, b in self.blocks("filter")]
        bits = max(len(parts) - 1, 0).bit_length()
        for high, low in ids:
            part = parts[high >> 64 - bits] if parts else b""
            if not part:
                continue
            seed, reach, mask = struct.unpack_from("<QII", part)
            h = (low ^ (high << 32 & MASK | high >> 32)) + seed & MASK
            h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & MASK
            h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & MASK
            h ^= h >> 33
            a = (h >> 32) * reach >> 32
            places = [a, a + mask + 1 ^ (h >> 14 & mask), a + 2 * (mask + 1) ^ (h & mask)]
            if part[16 + places[0]] ^ part[16 + places[1]] ^ part[16 + places[2]] != (h ^ h >> 32) & 255:
                raise ValueError("filter: %016x%016x is denied" % (high, low))

    def read_old_ids(self):
        self.kinds = self.one("kinds").data
        ids, numbers = self.one("ids"), self.one("numbers").data
        out = [None] * self.entities
        for i in range(self.entities):
            number = sum(numbers[plane * self.entities + i] << 8 * plane for plane in range(4))
            out[number] = "%016x%016x" % (ids.u64(), ids.u64())
        ids.end()
        return out

    def read_moments(self):
        """(order time, own time, record id, line) of each."""
        out, locators = [], self.blocks("locators")
        for _, items, b in self.blocks("moments"):
            _, count, d = next(locators)
            offs, records, lines = d.column(count, d.zigzag), d.column(count, d.zigzag), d.column(count, d.zigzag)
            d.end()
            unit, at, record, line = b.varint(), 0, 0, 0
            for i in range(items):
                code = b.varint()
                if code == 0:
                    at = signed(at + 1)
                elif code & 1:
                    at = signed(at - at % unit + (code + 1) // 2 * unit)
                elif code == 2:
                    at = signed(at + b.zigzag())
                else:
                    raise ValueError("moments: code %d" % code)
                record, line = (record + records[i]) & MASK, (line + lines[i]) & MASK
                out.append((at, signed(at - at % unit + offs[i]), record, line))
            b.end()
        return out

    def read_events(self):
        """Events, and the group of each."""
        bounds, following, groups = self.one("blocks"), 0, 0
        details, moments = self.blocks("details"), self.read_moments() if self.version > 2 else None
        stands = self.blocks("counts")
        for first, items, b in self.blocks("events"):
            least, _, numbered = bounds.i64(), bounds.i64(), bounds.u32()
            count = bounds.u32() - groups if self.version > 2 else items
            runs = b.varint()
            subjects, sizes = b.column(runs), b.column(runs)
            objects = b.column(count)
            subject, target = [], []
            for run in range(runs):
                acting = following if subjects[run] == 0 else subjects[run] - 1
                following += subjects[run] == 0
                for _ in range(sizes[run]):
                    code = objects[len(target)]
                    subject.append(acting)
                    target.append(following if code == 0 else code - 1)
                    following += code == 0
            if following != numbered or len(target) != count:
                raise ValueError("events %d: numbering does not agree" % first)
            operations, doubts, flags = b.take(count), b.take(count), b.take(count)
            shapes = b.take(count) if self.version > 2 else None
            streams = b.column(count)
            sizes = b.column(count) if self.version > 2 else [1] * count
            _, _, d = next(details)
            rest = self.read_rest(b, d, shapes, sizes, moments) if self.version > 2 else self.read_old_rest(b, d, items, least)
            b.end()
            d.end()
            thinned = [rest[i] for i in self.thinned_of(flags, sizes)]
            stood_for = iter(self.read_stands(next(stands)[2], thinned) if "counts" in self.sections else [])
            at = 0
            for g in range(count):
                for _ in range(sizes[g]):
                    began, last, time, size, record, line = rest[at]
                    more = next(stood_for) if flags[g] & THINNED else {}
                    yield groups + g, {
                        "event": first + at, "subject": subject[g], "object": target[g], "operation": operations[g],
                        "doubt": doubts[g], "flags": flags[g], "stream": streams[g], "first": began, "last": last,
                        "time": time, "bytes": size, "record": record, "line": line, **more}
                    at += 1
            if at != items:
                raise ValueError("events %d: %d events instead of %d" % (first, at, items))
            groups += count

    def read_rest(self, b, d, shapes, sizes, moments):
        """(first, last, time, bytes, record, line) of each event of a block."""
        out, heads = [], []
        for _ in sizes:
            heads.append((heads[-1] if heads else 0) + b.zigzag())
        at = []
        for g, size in enumerate(sizes):
            at.append([heads[g]])
            for _ in range(size - 1):
                at[g].append(at[g][-1] + b.varint())
        for g, size in enumerate(sizes):
            ends = [m + b.varint() for m in at[g]] if shapes[g] & 1 else at[g]
            for m, end in zip(at[g], ends):
                amount = d.varint() if shapes[g] & 2 else MASK
                began, time, record, line = moments[m]
                out.append((began, moments[end][0], time, amount, record, line))
        return out

    @staticmethod
    def thinned_of(flags, sizes):
        """Places of the events of a block that are thinned."""
        at = 0
        for g, size in enumerate(sizes):
            if flags[g] & THINNED:
                yield from range(at, at + size)
            at += size

    @staticmethod
    def read_stands(b, thinned):
        """What each thinned event of a block stands for."""
        n = len(thinned)
        counts, times = b.column(n), b.column(n, b.zigzag)
        records, lines = b.column(n, b.zigzag), b.column(n, b.zigzag)
        b.end()
        for i, (_, last, _, _, record, line) in enumerate(thinned):
            yield {"count": counts[i], "last_time": signed(last + times[i]), "last_record": (record + records[i]) & MASK,
                   "last_line": (line + lines[i]) & MASK}

    def read_proofs(self):
        for _, items, b in self.blocks("proofs"):
            for _ in range(items):
                yield {"proof": b.take(32).hex(), "events_before": b.varint(), "events_after": b.varint(),
                       "entities": b.varint(), "closures": b.varint()}
            b.end()

    def read_usual(self):
        """How often which program turned to which thing."""
        for _, items, b in self.blocks("usual"):
            counts = [b.varint(), b.varint()]
            programs, things = [list(itertools.accumulate(b.column(n))) for n in counts]
            sizes = b.column(len(programs))
            rows = []
            for program, size in zip(programs, sizes):
                at = -1
                for _ in range(size):
                    at += b.varint() + 1
                    rows.append((program, things[at]))
            for (program, thing), count in zip(rows, b.column(items)):
                yield {"program": "%012x" % program, "thing": "%012x" % thing, "count": count}
            b.end()
            if len(rows) != items:
                raise ValueError("usual: %d rows instead of %d" % (len(rows), items))

    def read_old_rest(self, b, d, items, last):
        lasts, spans = b.column(items, b.zigzag), b.column(items)
        times, amounts = d.column(items, d.zigzag), d.column(items)
        records, lines = d.column(items, d.zigzag), d.column(items, d.zigzag)
        out, record, line = [], 0, 0
        for i in range(items):
            last = signed(last + lasts[i])
            record, line = (record + records[i]) & MASK, (line + lines[i]) & MASK
            out.append((signed(last - spans[i]), last, signed(last + times[i]), (amounts[i] - 1) & MASK, record, line))
        return out

    def read_entities(self, strings):
        for first, items, b in self.blocks("entities"):
            following = b.varint()
            flags, hosts = b.take(items), b.column(items)
            firsts, spans = b.column(items, b.zigzag), b.column(items)
            events, counts = b.column(items), b.column(items)
            keys = b.column(sum(counts))
            values = []
            for code in b.column(sum(counts)):
                values.append(following if code == 0 else code - 1)
                following += code == 0
            at = began = 0
            for i in range(items):
                began = signed(began + firsts[i])
                attributes = [[keys[k], signed(began + b.zigzag()), strings[values[k]]] for k in range(at, at + counts[i])]
                at += counts[i]
                yield {"entity": first + i, "kind": self.kinds[first + i], "flags": flags[i],
                       "host": strings[hosts[i] - 1] if hosts[i] else None, "first": began, "last": signed(began + spans[i]),
                       "events": events[i], "attributes": attributes}
            b.end()

    def check_index(self, events):
        """The index must say of every entity what the events say."""
        runs, lists = {}, {}
        for group, (subject, target) in sorted({group: (e["subject"], e["object"]) for group, e in events}.items()):
            runs.setdefault(subject, []).append(group)
            if subject != target:
                lists.setdefault(target, []).append(group)
        for first, items, b in self.blocks("index"):
            counts, end, before = b.column(items), 0, 0
            for i in range(items):
                if counts[i]:
                    begin = end + b.zigzag()
                    end = begin + counts[i]
                    if runs.get(first + i) != list(range(begin, end)):
                        raise ValueError("index: run of entity %d" % (first + i))
                elif first + i in runs:
                    raise ValueError("index: no run of entity %d" % (first + i))
            sizes = [b.column(items) for _ in range(3)]
            for i in range(items):
                found = []
                for part in range(3):
                    for k in range(sizes[part][i]):
                        if k == 0:
                            at = before = before + b.zigzag()
                        else:
                            at += b.varint() + 1
                        found.append(at)
                if sorted(found) != lists.get(first + i, []):
                    raise ValueError("index: lists of entity %d" % (first + i))
            b.end()

    def read_gaps(self):
        for _, items, b in self.blocks("gaps"):
            for _ in range(items):
                yield {"gap": b.varint(), "kind": b.u8(), "from": b.i64(), "until": b.i64(), "from_id": b.varint(),
                       "until_id": b.varint(), "count": b.varint(), "line": b.varint(), "why": b.text()}
            b.end()

    def read_quarantine(self):
        for _, items, b in self.blocks("quarantine"):
            for _ in range(items):
                yield {"quarantined": b.varint(), "line": b.varint(), "offset": b.varint(), "size": b.varint(),
                       "reason": b.text(), "record": b.text()}
            b.end()


def plain(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def lines_of(path):
    with open(path, "rb") as file:
        segment = Segment(file.read())
    strings, streams, ids = segment.read_strings(), segment.read_names(), segment.read_ids()
    events = list(segment.read_events())
    if len(events) != segment.events:
        raise ValueError("%d events instead of %d" % (len(events), segment.events))
    segment.check_index(events)
    for _, e in events:
        host, source, (name, head, _) = streams[e.pop("stream")]
        e.update(subject=ids[e["subject"]], object=ids[e["object"]], host=host, source=source, input=name,
                 digest="%016x" % head)
        yield e
    for e in segment.read_entities(strings):
        e["entity"] = ids[e["entity"]]
        yield e
    for row in list(segment.read_gaps()) + list(segment.read_quarantine()) + list(segment.read_proofs()) \
            + list(segment.read_usual()):
        yield row


def main(arguments):
    if len(arguments) not in (1, 3) or (len(arguments) == 3 and arguments[1] != "--expect"):
        print(__doc__, file=sys.stderr)
        return 2
    lines = [json.dumps(plain(row)) for row in lines_of(arguments[0])]
    if len(arguments) == 1:
        print("\n".join(lines))
        return 0
    with open(arguments[2], encoding="ascii") as file:
        expected = file.read().splitlines()
    for i, line in enumerate(lines):
        if i >= len(expected) or line != expected[i]:
            print("line %d differs: %s" % (i + 1, line), file=sys.stderr)
            return 1
    return 0 if len(lines) == len(expected) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
