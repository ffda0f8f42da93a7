#!/usr/bin/env python3
"""usage: sections.py STORE...         Bytes on disk by part, over all segments of a store, and per event.
       sections.py --line [STORE...]  The same in a line a store, in groups of sections; before them a line that names the groups.

Reads the section tables only (docs/FORMAT.md, section 3); the names of sections are those of that page. Counts all files: those that were
merged away go when a later writer has opened the store.
"""
import os
import re
import struct
import sys

FORMAT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../../docs/FORMAT.md")
HEADER, ROW = 64, 40
GROUPS = {
    "events": ("blocks", "events", "details"),
    "times": ("moments",),
    "locators": ("locators",),
    "strings": ("strings", "dictionaries"),
    "entities": ("ids", "entities"),
    "index": ("numbers", "index", "records", "lines", "filter", "values"),
}


def names():
    """Section type -> name, from the table of section 4."""
    found = {}
    with open(FORMAT, encoding="utf-8") as page:
        for line in page:
            row = re.match(r"\| (\d+) \| ([a-z_ ]+) \| [^|]+ \|", line)
            if row:
                found[int(row.group(1))] = row.group(2)
    return found


def segment(path, parts):
    """Adds a segment's sections to `parts`. Returns its events, or None when the file is no segment."""
    with open(path, "rb") as file:
        head = file.read(HEADER)
        if head[:4] != b"BSEG":
            return None
        sections, events = struct.unpack_from("<II", head, 8)
        table = file.read(sections * ROW)
    rest = os.path.getsize(path) - len(head) - len(table)
    for i in range(sections):
        kind, _, _, _, size, plain = struct.unpack_from("<HHIQQQ", table, i * ROW)
        part = parts.setdefault(kind, [0, 0])
        part[0] += size
        part[1] += plain
        rest -= size
    frame = parts.setdefault(0, [0, 0])
    frame[0] += len(head) + len(table) + rest
    return events


def store(path):
    """Returns {section type: [bytes, unpacked]}, events, segments, bytes of all other files."""
    parts, events, segments, other = {}, 0, 0, 0
    for folder, _, files in os.walk(path):
        for name in files:
            file = os.path.join(folder, name)
            told = segment(file, parts)
            if told is None:
                other += os.stat(file).st_blocks * 512  # the catalog is sparse
            else:
                events += told
                segments += 1
    return parts, events, segments, other


def table_print(path):
    known, (parts, events, segments, other) = names(), store(path)
    total = sum(part[0] for part in parts.values()) + other
    for kind, (size, plain) in sorted(parts.items(), key=lambda item: -item[1][0]):
        name = known.get(kind, "section %d" % kind) if kind else "header and table"
        print("%-18s %14d bytes %8.3f an event  (%d unpacked)" % (name, size, size / max(events, 1), plain))
    print("%-18s %14d bytes %8.3f an event" % ("catalog and others", other, other / max(events, 1)))
    print("%-18s %14d bytes %8.3f an event  (%d events, %d segments)" % ("all", total, total / max(events, 1), events, segments))


def line_print(path):
    """Bytes an event. `others` is what is in no group: frames, streams, inputs, statistics, gaps, what could not be decoded."""
    known, (parts, events, _, other) = names(), store(path)
    groups = {group: sum(part[0] for kind, part in parts.items() if known.get(kind) in sections) for group, sections in GROUPS.items()}
    segments = sum(part[0] for part in parts.values())
    cells = [segments + other, *groups.values(), segments - sum(groups.values()), other]
    print("%-42s %9d %s" % (os.path.basename(path.rstrip("/")), events, " ".join("%9.3f" % (cell / max(events, 1)) for cell in cells)), flush=True)


def main():
    paths = sys.argv[1:]
    if not paths:
        sys.exit(__doc__)
    if paths[0] != "--line":
        for path in paths:
            table_print(path)
        return
    print("%-42s %9s %s" % ("bytes an event", "events", " ".join("%9s" % name for name in ("all", *GROUPS, "others", "catalog"))), flush=True)
    for path in paths[1:]:
        line_print(path)


if __name__ == "__main__":
    main()
