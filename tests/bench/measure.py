#!/usr/bin/env python3
"""usage: measure.py [--runs N] COMMAND...   Runs a command, prints its wall time, processor time and peak memory as JSON.

With N runs the one with the median wall time is told, and the least and most. Its output goes to stderr.
"""
import json
import os
import subprocess
import sys
import time


def run(command):
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=sys.stderr)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"measure.py: {command[0]} ended with status {os.waitstatus_to_exitcode(status)}")
    return {"wall_s": round(time.monotonic() - began, 4), "cpu_s": round(usage.ru_utime + usage.ru_stime, 4),
            "peak_mib": round(usage.ru_maxrss / 1024, 1)}


def main():
    arguments = sys.argv[1:]
    runs = 1
    if arguments[:1] == ["--runs"]:
        runs, arguments = int(arguments[1]), arguments[2:]
    results = sorted((run(arguments) for _ in range(runs)), key=lambda r: r["wall_s"])
    middle = results[len(results) // 2]
    print(json.dumps({**middle, "least_s": results[0]["wall_s"], "most_s": results[-1]["wall_s"]}))


if __name__ == "__main__":
    main()
