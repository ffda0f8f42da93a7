#!/usr/bin/env python3
"""usage: sysmon.py COUNT FILE.jsonl.zst... > MESSAGES   So many Sysmon records of Windows logs in JSON, keyed by host, in kafka_tool's form "sized".

Where the logs have fewer, they are repeated under other hosts' names. (A process of its own: what it holds would count as the memory of every
program that a measuring one starts.)
"""
import re
import struct
import subprocess
import sys

HOST_NAME = re.compile(rb'("Hostname": *")([^"]*)')
SOURCE = b'"SourceName":"Microsoft-Windows-Sysmon"'


def records(paths):
    """Host and line of each. Each log has hosts of its own: those of other recordings have the same names."""
    for number, path in enumerate(paths):
        with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE) as unpack:
            for line in unpack.stdout:
                host = HOST_NAME.search(line)
                if host and SOURCE in line:
                    name = b"r%d-%s" % (number, host.group(2))
                    yield name, HOST_NAME.sub(rb"\g<1>%s" % name, line.rstrip(b"\n"), count=1)


def main():
    count, copy = int(sys.argv[1]), 0
    of_recording = list(records(sorted(sys.argv[2:])))
    if not of_recording:
        sys.exit("sysmon.py: no Sysmon record in these files")
    while count > 0:
        for host, line in of_recording[:count]:
            if copy:
                host = b"c%d-%s" % (copy, host)
                line = HOST_NAME.sub(rb"\g<1>%s" % host, line, count=1)
            sys.stdout.buffer.write(struct.pack("<II", len(host), len(line)) + host + line)
        count, copy = count - len(of_recording), copy + 1


if __name__ == "__main__":
    main()
