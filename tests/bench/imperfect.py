#!/usr/bin/env python3
"""usage: imperfect.py BACKTRAIL SHARED WORK

Spoils the recordings of SHARED/datasets/lab, one way at a time, and scores what `critical` and the closure then answer to the late alert.
Prints a table in Markdown: critical events found of all, and whether the way in is there, for each recording. The alert's record always stays.
"""
import json
import pathlib
import random
import re
import subprocess
import sys

STAMP = re.compile(rb"msg=audit\((\d+)\.(\d+):(\d+)\)")
STARTS = re.compile(rb"type=SYSCALL .* syscall=(?:56|57|58|59|322|435) ")  # clone, fork, vfork, execve, execveat, clone3
TIMEOUT_S = 600
SEED = 20261129
HOLE_S = 10
STRATEGIES = ("critical", "backtracker")


def lines_of(path):
    return subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout.splitlines(keepends=True)


def without(lines, alert, drops):
    """Leaves out whole events. drops(serial, stamp in s, the first line of the event) says which."""
    decided = {}
    for line in lines:
        stamp = STAMP.search(line)
        serial = int(stamp[3]) if stamp else None
        if serial is not None and serial not in decided:
            decided[serial] = serial != alert["serial"] and drops(serial, float(stamp[1] + b"." + stamp[2]), line)
        if serial is None or not decided[serial]:
            yield line


def at_random(share, only=None):
    def spoil(lines, _, alert):
        chance = random.Random(SEED)
        return without(lines, alert, lambda serial, at_s, line: (only is None or only.search(line)) and chance.random() < share)
    return spoil


def hole(lines, host, alert):
    """The seconds before the alert, of its host, but for the last one."""
    if host != alert["host"]:
        return lines
    return without(lines, alert, lambda serial, at_s, line: alert["time"] - HOLE_S - 1 <= at_s < alert["time"] - 1)


def shifted(which, seconds):
    def spoil(lines, host, _):
        if host != which:
            return lines
        return (STAMP.sub(lambda m: b"msg=audit(%d.%s:%s)" % (int(m[1]) + seconds, m[2], m[3]), line) for line in lines)
    return spoil


WAYS = {"as recorded": lambda lines, host, alert: lines, "1 % of events missing": at_random(0.01), "5 % of events missing": at_random(0.05),
        "30 % of process starts missing": at_random(0.3, STARTS), f"{HOLE_S} s of the alert's host missing": hole}
CLOCKS = {"one clock 40 s ahead, each in turn": 40, "one clock 40 s behind, each in turn": -40}


def scored(backtrail, shared, work, data, alert, strategy):
    answer = work / "answer.json"
    with open(answer, "wb") as out:
        done = subprocess.run([backtrail, "trace", "--store", work / "store", "--from", f"record:{alert['host']}/{alert['serial']}", "--strategy", strategy,
                               "--evidence", "all", "--output", "json"], stdout=out, check=False, timeout=TIMEOUT_S)
    if done.returncode:
        return "no answer"
    told = subprocess.run([sys.executable, shared / "tools/score.py", "--json", "--alert", alert["name"], data / "truth.json", answer],
                          stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    row = json.loads(told.stdout)[0]
    return f"{row['critical_found']}/{row['critical_needed']}{'' if row['entry'] else ', no way in'}, {row['edges']} edges"


def answers(backtrail, shared, work, data, spoil):
    """What both strategies find in a recording that was spoiled."""
    alert = next(a for a in json.loads((data / "truth.json").read_text())["alerts"] if a["stage"] == "late")
    subprocess.run(["rm", "-rf", work / "logs", work / "store"], check=True)
    (work / "logs").mkdir()
    for log in sorted(data.glob("*.audit.log.zst")):
        (work / "logs" / log.stem).write_bytes(b"".join(spoil(lines_of(log), log.name.split(".")[0], alert)))
    subprocess.run([backtrail, "ingest", "--quiet", "--store", work / "store", "--hosts", data / "hosts.json", *sorted((work / "logs").iterdir())],
                   check=True, timeout=TIMEOUT_S)
    return [scored(backtrail, shared, work, data, alert, strategy) for strategy in STRATEGIES]


def in_turn(backtrail, shared, work, data, seconds):
    """The same of each host's clock; what all have in common is told once."""
    hosts = sorted(log.name.split(".")[0] for log in data.glob("*.audit.log.zst"))
    told = [answers(backtrail, shared, work, data, shifted(host, seconds)) for host in hosts]
    return [f"{each[0]}, each of {len(hosts)} hosts" if len(set(each)) == 1 else "; ".join(f"{host}: {cell}" for host, cell in zip(hosts, each))
            for each in zip(*told)]


def main():
    backtrail, shared, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    cases = sorted(path.parent for path in shared.glob("datasets/lab/*/truth.json"))
    print("| | strategy | " + " | ".join(case.name for case in cases) + " |\n|---|---|" + "---|" * len(cases))
    for name in [*WAYS, *CLOCKS]:
        rows = [in_turn(backtrail, shared, work, data, CLOCKS[name]) if name in CLOCKS else answers(backtrail, shared, work, data, WAYS[name])
                for data in cases]
        for strategy, cells in zip(STRATEGIES, zip(*rows)):
            print(f"| {name} | {strategy} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
