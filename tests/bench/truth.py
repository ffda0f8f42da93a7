#!/usr/bin/env python3
"""usage: truth.py BACKTRAIL SHARED WORK [STRATEGY[:ENTRIES]...]

Traces every alert of the recordings in SHARED/datasets/lab with every strategy, from the stores WORK/NAME.btr, and scores the answers
with SHARED/tools/score.py. Prints a table in Markdown: a row for each strategy and stage, means over the recordings.
"""
import json
import pathlib
import statistics
import subprocess
import sys

STRATEGIES = ["critical", "backtracker", "readonly", "priotracker", "nodoze"] + [f"depimpact:{k}" for k in (1, 2, 3, 6, 9)]
STAGES = ["early", "middle", "late"]
TIMEOUT_S = 600


def alerts(cases):
    """{name of a group: [(case, alert)]}: the first alert of each stage, then the others by their names."""
    groups = {stage: [] for stage in STAGES}
    for case, truth in cases.items():
        for alert in truth["alerts"]:
            first = next(a for a in truth["alerts"] if a["stage"] == alert["stage"])
            groups.setdefault(alert["stage"] if alert is first else alert["name"], []).append((case, alert))
    return groups


def trace(backtrail, work, case, alert, strategy):
    name, _, entries = strategy.partition(":")
    answer = work / f"{case}.{alert['name']}.{strategy.replace(':', '-')}.json"
    with open(answer, "wb") as out:
        subprocess.run([backtrail, "trace", "--store", work / f"{case}.btr", "--from", f"record:{alert['host']}/{alert['serial']}", "--strategy", name,
                        *(["--entries", entries] if entries else []), "--evidence", "all", "--output", "json"],
                       stdout=out, check=True, timeout=TIMEOUT_S)
    return answer


def row(strategy, group, rows):
    def mean(key):
        return statistics.mean(r[key] for r in rows)
    recall = statistics.mean(r["critical_found"] / r["critical_needed"] if r["critical_needed"] else 1 for r in rows)
    return (f"| {strategy} | {group} | {recall:.3f} | {sum(r['entry'] for r in rows)}/{len(rows)} | {mean('edges'):.0f} | {mean('precision'):.3f} | "
            f"{mean('event_precision'):.3f} | {mean('critical_precision'):.3f} | {mean('wall_ms'):.0f} |")


def main():
    backtrail, shared, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    cases = {path.parent.name: json.loads(path.read_text()) for path in sorted(shared.glob("datasets/lab/*/truth.json"))}
    print("| strategy | alert | recall | ways in | edges | precision | event_precision | critical_precision | ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for group, members in alerts(cases).items():
        for strategy in sys.argv[4:] or STRATEGIES:
            files = []
            for case, alert in members:
                files += [shared / "datasets/lab" / case / "truth.json", trace(backtrail, work, case, alert, strategy)]
            scored = subprocess.run([sys.executable, shared / "tools/score.py", "--json", "--alert", group, *files],
                                    stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
            print(row(strategy, group, json.loads(scored.stdout)), flush=True)


if __name__ == "__main__":
    main()
