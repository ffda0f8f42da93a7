#!/usr/bin/env python3
"""The text of a trace on a recording: one screen of numbered steps whose causes come before them; SPECs that can
be given back; a timeline with as many steps as JSON has edges; a tree with each process once; scores in JSON.
usage: story_test.py BACKTRAIL DATASET"""
import glob
import json
import os
import re
import subprocess
import sys

SCREEN = 40   # lines of the story
WIDTH = 120   # columns of a line of it
PROGRAM, DATA = sys.argv[1:3]
STORE = "case.btr"


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, timeout=300).stdout.decode()


def trace(*arguments):
    return run("trace", "--store", STORE, "--no-stats", *arguments)


def part(text, begin):
    """The lines of a part of the text, which an empty line ends."""
    return text[re.search(rf"^{begin}", text, re.M).start():].split("\n\n")[0].splitlines()


def steps_of(text):
    steps = []
    for line in part(text, "Story"):
        found = re.match(r" +(\d+)  (\d\d:\d\d:\d\d\.\d{3})  (?:[*>|] +)+(?:(\d+(?:,\d+)?)(\*?) +)?(\S.*)$", line)
        if found:
            steps.append((int(found[1]), found[2], [int(n) for n in (found[3] or "").split(",") if n], found[5]))
    return steps


def check_story(text):
    story = part(text, "Story")
    assert len(story) <= SCREEN + 10, len(story)
    for line in story:
        assert len(line) <= WIDTH, line
    steps = steps_of(text)
    assert 10 <= len(steps) <= SCREEN
    assert [s[0] for s in steps] == list(range(1, len(steps) + 1))
    assert [s[1] for s in steps] == sorted(s[1] for s in steps)
    for number, _, causes, _ in steps:
        assert all(0 < cause < number for cause in causes), (number, causes)
    return steps


def check_causes(steps):
    """The file that left is named in the step before the alert, and the causes go back to what made it."""
    number, _, causes, what = steps[-1]
    assert "<- alert" in what and "57012" in what
    seen, queue = set(), [number]
    while queue:
        at = queue.pop()
        if at not in seen:
            seen.add(at)
            queue += steps[at - 1][2]
    told = "\n".join(steps[n - 1][3] for n in seen)
    for word in ("read /var/www/shop/public/uploads/pic121.jpg", "gzip[", "pg_dump", "thumb.php", "base64["):
        assert word in told, f"the alert does not come of {word}:\n{told}"


def check_specs(text):
    way = part(text, "Ways in considered")
    specs = re.findall(r"id:[0-9a-f]{32}", "\n".join(way)) + re.findall(r"id:[0-9a-f]{32}", text.splitlines()[1])
    assert len(specs) >= 2
    for spec in specs:
        assert json.loads(trace("--from", spec, "--output", "json"))["alert"]["entity"] == spec[3:]
    assert "10.77.0.139" in way[1], way[1]


def check_scores(answer):
    edges, nodes = answer["edges"], {n["id"]: n for n in answer["nodes"]}
    assert any(e["score"] > 0.5 for e in edges) and all(0 <= e["score"] <= 1 for e in edges)
    ways = {e["entity"]: e["score"] for e in answer["entries"] if e["score"] > 0}
    highest = {}
    for e in edges:
        for end in (e["from"], e["to"]):
            highest[end] = max(highest.get(end, 0), e["score"])
    for node, entry in nodes.items():
        if node in ways:
            assert entry["score"] == ways[node]
        elif node not in ways and entry["score"]:
            assert entry["score"] == highest[node], (entry, highest[node])


def check_considered(alert, text, answer):
    """Ways in that were weighed and are not shown: named with their score, none of the nodes, and joined to the alert on demand."""
    told = [line for line in part(text, "Ways in considered") if re.match(r" {5}\d\.\d{3}  ", line)]
    considered = answer["considered"]
    assert len(told) == len(considered) == 2, considered  # other visitors of the shop
    best = max(e["score"] for e in answer["entries"])
    assert not {c["entity"] for c in considered} & {n["id"] for n in answer["nodes"]}
    assert [c["score"] for c in considered] == sorted((c["score"] for c in considered), reverse=True)
    for line, way in zip(told, considered):
        assert len(line) <= WIDTH and f"id:{way['entity']}" in line and way["label"] in line and f"{way['score']:.3f}" in line
        assert 0.05 * best <= way["score"] < best and " 10.77.0.139:" not in way["label"]
        joined = json.loads(trace("--between", f"id:{way['entity']}", alert, "--output", "json"))
        assert way["entity"] in {n["id"] for n in joined["nodes"]} and joined["edges"]


def check_views(alert, answer):
    timeline = part(trace("--from", alert, "--timeline"), "Timeline")
    assert int(re.match(r"Timeline +([\d,]+) steps", timeline[0])[1].replace(",", "")) == len(answer["edges"])
    assert sum(re.match(r"  \d\d:\d\d:\d\d", line) is not None for line in timeline) == len(answer["edges"])
    tree = part(trace("--from", alert, "--tree"), "Tree")
    processes = [n["id"] for n in answer["nodes"] if n["kind"] == "process"]
    assert sorted(re.findall(r"id:([0-9a-f]{32})", "\n".join(tree))) == sorted(processes)
    children = [line.strip().split("  ")[0] for line in tree if re.match(r" {6}\S.*id:", line)]
    assert children.index("id[9837]") + 1 == children.index("uname -a[9838]"), children
    for line in timeline + tree:
        assert len(line) <= WIDTH, line
    cut = trace("--from", alert, "--strategy", "backtracker", "--timeline")
    assert re.search(r"^Timeline +[\d,]+ steps; CUT: the last 10,000 are shown", cut, re.M)


def check_left_out(alert):
    """What was left out is none of what is shown, the best of it first; the text tells the same."""
    answer = json.loads(trace("--from", alert, "--explain", "--output", "json"))
    left, shown = answer["left_out"], {(e["from"], e["to"]) for e in answer["edges"]}
    pairs = [(p["from"], p["to"]) for p in left["best"]]
    assert left["pairs"] >= len(pairs) > 10 and len(set(pairs)) == len(pairs) and not shown & set(pairs)
    assert [p["score"] for p in left["best"]] == sorted((p["score"] for p in left["best"]), reverse=True)
    assert all(p["why"] and p["from_label"] and p["to_label"] for p in left["best"])
    assert "left_out" not in json.loads(trace("--from", alert, "--output", "json"))
    text = part(trace("--from", alert, "--explain"), "Left out")
    assert text[0].split()[2].replace(",", "") == str(left["pairs"]), text[0]
    assert any(line.strip() == left["best"][0]["why"] for line in text)


def check_records(alert, steps):
    """Behind each step stands the record that it rests on, first of all the alert's."""
    story = part(trace("--from", alert, "--show-records"), "Story")
    behind = [i for i, line in enumerate(story) if line.startswith("          | ")]
    numbered = [i for i, line in enumerate(story) if re.match(r" +\d+  \d\d:", line)]
    assert len(numbered) == len(steps) and all(i + 1 in behind for i in numbered)
    assert "audit(" in story[numbered[-1] + 1]


def main():
    logs = sorted(glob.glob(os.path.join(DATA, "*.audit.log.zst")))
    run("ingest", "--quiet", "--keep-records", "--store", STORE, "--hosts", os.path.join(DATA, "hosts.json"), *logs)
    with open(os.path.join(DATA, "truth.json"), encoding="utf-8") as file:
        alerts = {a["stage"]: f"record:{a['host']}/{a['serial']}" for a in json.load(file)["alerts"]}
    for alert in alerts.values():
        text = trace("--from", alert)
        steps = check_story(text)
        assert text == trace("--from", alert)
        answer = json.loads(trace("--from", alert, "--output", "json"))
        check_scores(answer)
        check_considered(alert, text, answer)
    late = alerts["late"]
    check_causes(steps if alert == late else steps_of(trace("--from", late)))
    check_specs(trace("--from", late))
    check_records(late, steps_of(trace("--from", late)))
    check_left_out(late)
    check_views(late, json.loads(trace("--from", late, "--output", "json")))


main()
