#!/usr/bin/env python3
"""usage: links.py ROOT   Every link between the Markdown pages of the project leads to a file that is there."""
import os
import re
import sys

LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")


def pages(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f != "build" and not f.startswith("."))
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".md"))


def broken(page):
    with open(page, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            for target, _ in LINK.findall(line):
                if "://" not in target and not os.path.exists(os.path.join(os.path.dirname(page), target)):
                    yield f"{page}:{number}: {target} is not there"


faults = [fault for page in pages(sys.argv[1]) for fault in broken(page)]
print("\n".join(faults) or "all links lead somewhere")
sys.exit(1 if faults else 0)
