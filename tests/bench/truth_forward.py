#!/usr/bin/env python3
"""usage: truth_forward.py BACKTRAIL SHARED WORK [STRATEGY[:ENTRIES]...]

Traces forward from the true way in and from the early alert of the recordings in SHARED/datasets/lab with every strategy, from the stores
WORK/NAME.btr, and counts the critical events of the truth that come after that start, by the definitions of SHARED/tools/score.py.
Prints a table in Markdown: a row for each start and strategy, means over the recordings. --each: a line for each answer, too.
"""
import json
import pathlib
import statistics
import subprocess
import sys

STRATEGIES = ["critical", "backtracker", "readonly", "priotracker", "nodoze", "depimpact:6"]
STARTS = ["way in", "early alert"]
TIMEOUT_S = 600


def start_of(truth, start):
    return truth["entry"] if start == STARTS[0] else next(a for a in truth["alerts"] if a["stage"] == "early")


def trace(backtrail, work, case, start, strategy):
    name, _, entries = strategy.partition(":")
    done = subprocess.run([backtrail, "trace", "--store", work / f"{case}.btr", "--from", f"record:{start['host']}/{start['serial']}", "--forward",
                           "--strategy", name, *(["--entries", entries] if entries else []), "--evidence", "all", "--output", "json"],
                          stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    return json.loads(done.stdout)


def measure(score, truth, start, answer):
    """Of each critical event after the start, whether the answer cites one of its records; and how much else there is."""
    cited, per_edge = score.covered_records(answer)
    needed = {}
    for c in truth["critical_events"]:
        if c["direction"] != "related" and c["serial"] >= start["serial"]:
            needed.setdefault((c["direction"], c["id"]), set()).add((c["host"], c["serial"]))
    found = {key: bool(records & cited) for key, records in needed.items()}
    lifetimes = {}
    for p in truth["attack_processes"]:
        lifetimes.setdefault((p["host"], p["pid"]), []).append((p["first_serial"], p["last_serial"]))
    critical = {(c["host"], c["serial"]) for c in truth["critical_events"] if c["direction"] != "related"}
    nodes = {n["id"]: n for n in answer["nodes"]}
    mine = [score.attack_records(e, r, nodes, lifetimes, critical) for e, r in zip(answer["edges"], per_edge)]
    edges, records = len(per_edge), sum(map(len, per_edge))
    late = [found[key] for key in found if key[0] == "fwd"]
    return {"found": sum(found.values()), "needed": len(found), "recall": statistics.mean(found.values()), "late": statistics.mean(late), "edges": edges,
            "precision": sum(map(bool, mine)) / edges if edges else 0.0, "event_precision": sum(map(len, mine)) / records if records else 0.0,
            "wall_ms": answer["stats"]["wall_ms"], "missed": sorted(key[1] for key, hit in found.items() if not hit)}


def main():
    args = [a for a in sys.argv[1:] if a != "--each"]
    backtrail, shared, work = args[0], pathlib.Path(args[1]), pathlib.Path(args[2])
    sys.path.insert(0, str(shared / "tools"))
    import score
    cases = {path.parent.name: json.loads(path.read_text()) for path in sorted(shared.glob("datasets/lab/*/truth.json"))}
    print("| from | strategy | recall | of what only came after | edges | precision | event_precision | ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for begin in STARTS:
        for strategy in args[3:] or STRATEGIES:
            rows = []
            for case, truth in cases.items():
                start = start_of(truth, begin)
                rows.append(measure(score, truth, start, trace(backtrail, work, case, start, strategy)))
                if len(args) < len(sys.argv) - 1:
                    r = rows[-1]
                    print(f"{begin} {strategy} {case}: {r['found']}/{r['needed']} edges {r['edges']} precision {r['precision']:.3f} {r['wall_ms']:.0f} ms",
                          "missed:", *r["missed"])
            def mean(key):
                return statistics.mean(r[key] for r in rows)
            print(f"| {begin} | {strategy} | {mean('recall'):.3f} | {mean('late'):.3f} | {mean('edges'):.0f} | {mean('precision'):.3f} | "
                  f"{mean('event_precision'):.3f} | {mean('wall_ms'):.0f} |", flush=True)


if __name__ == "__main__":
    main()
