#!/usr/bin/env python3
"""usage: loss.py BACKTRAIL LAB WORK   Prints, for each recording of the folder and each of its alerts:

what is wrong (a lost asset called safe, an amount outside its bounds, an asset that was not lost called lost), the bounds of what is
known exactly as multiples of it, how many of the assets that were not lost are certified, and the time and memory of the command, beside
those of `trace` for the same alert; how much of the attack's processes the extent has; what is said when records are missing; and what
is to be cut, at the late alert and when the records end half a second after an earlier one.
"""
import glob
import json
import os
import random
import re
import statistics
import subprocess
import sys

PROGRAM, LAB, WORK = sys.argv[1:4]
RUNS = 5


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return json.load(file)


def run(*words):
    """Output, and wall ms and MiB of the median run: measured by a small process, as a child begins with the memory of its parent."""
    text = subprocess.run([PROGRAM, *words], check=True, capture_output=True).stdout
    told = subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "measure.py"), "--runs", str(RUNS), PROGRAM, *words],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    measured = json.loads(told)
    return text, 1000 * measured["wall_s"], measured["peak_mib"]


def ingest(store, data, paths):
    subprocess.run([PROGRAM, "ingest", "--quiet", "--store", store, "--hosts", os.path.join(data, "hosts.json"), *paths],
                   check=True, stdout=subprocess.DEVNULL)


def judge(truth, rows):
    wrong, ratios, safe, others = [], [], 0, 0
    for name, want in truth["lost"].items():
        low, high, verdict = rows[name]["bytes"]["min"], rows[name]["bytes"]["max"], rows[name]["verdict"]
        if verdict == "not lost":
            wrong.append(f"{name} called {verdict}")
        elif low > want["bytes"] or (high is not None and (high < want["bytes"] if want["exact"] else high <= 0)):
            wrong.append(f"{name} not within its bounds")
        elif want["exact"]:
            ratios.append(high / want["bytes"] if high is not None else float("inf"))
    for name, row in rows.items():
        if name not in truth["lost"] and name not in truth["either"]:
            others += 1
            safe += row["verdict"] == "not lost"
            if row["verdict"] == "lost":
                wrong.append(f"{name} called lost")
    return wrong, ratios, safe, others


def extent_of(store, answer, truth):
    """How many of the attack's processes are the intrusion's own, and of these how many are the attack's."""
    found = json.loads(subprocess.run([PROGRAM, "find", "--store", store, "--kind", "process", "--limit", "10000000", "--output", "json"],
                                      check=True, capture_output=True).stdout)["entities"]
    own = {item["entity"] for item in answer["extent"]["processes"] if not item["served"]}
    attack = {}
    for process in truth["attack_processes"]:
        attack.setdefault((process["host"], process["pid"]), []).append(process["start"])
    true = {e["id"] for e in found for start in attack.get((e["host"], e["process"].get("pid")), ())
            if e["first_ns"] / 1e9 <= start + 2 and e["last_ns"] / 1e9 >= start - 2}
    return len(true & own), len(true), len(own)


def degraded(name, data, truth, how):
    """Paths of logs that lack records: ten seconds around the late alert of its host, one record in a hundred, or all from a time on."""
    late, rng = next(a for a in truth["alerts"] if a["name"] == "late"), random.Random(name)
    kept = {a["serial"] for a in truth["alerts"]}
    for path in sorted(glob.glob(os.path.join(data, "*.audit.log.zst"))):
        host = os.path.basename(path)[:-len(".audit.log.zst")]
        if how == "hole" and host != late["host"]:
            yield path
            continue
        out, dropped = os.path.join(WORK, f"{host}.audit.log"), {}
        lines = subprocess.run(["zstdcat", path], check=True, capture_output=True).stdout.splitlines(keepends=True)
        with open(out, "wb") as file:
            for line in lines:
                at = re.search(rb"msg=audit\((\d+\.\d+):(\d+)\)", line)
                serial = int(at[2]) if at else 0
                if at and how == "hole" and abs(float(at[1]) - late["time"]) < 5:
                    continue
                if at and not isinstance(how, str) and float(at[1]) > how:
                    break
                if at and how == "drops" and serial not in kept and dropped.setdefault(serial, rng.random() < 0.01):
                    continue
                file.write(line)
        yield out


def ask(store, data, alert):
    return run("loss", "--store", store, "--from", f"record:{alert['host']}/{alert['serial']}", "--assets", os.path.join(data, "assets.yaml"),
               "--output", "json")


def steps_of(answer):
    cut = answer["containment"]
    return "cost %d%s: %s" % (cut["cost"], "" if cut["complete"] else ", not all looked at", "; ".join(
        step["host"] + ": " + step["suggestion"] for step in cut["steps"]) or "nothing")


def told_early(name, data, truth, losses):
    """What is said while the attack goes on."""
    for alert in truth["alerts"]:
        if alert["stage"] not in ("early", "middle"):
            continue
        store = os.path.join(WORK, f"{name}.{alert['name']}")
        ingest(store, data, degraded(name, data, truth, alert["time"] + 0.5))
        answer = json.loads(ask(store, data, alert)[0])
        wrong = [row["name"] for row in answer["assets"]
                 if row["verdict"] == "lost" and row["name"] not in losses["lost"] and row["name"] not in losses["either"]]
        print("%s, records until %s: %s%s" % (name, alert["name"], steps_of(answer), "; WRONG: called lost: " + ", ".join(wrong) if wrong else ""))


def main():
    exact, certified = [], [0, 0]
    for data in sorted(glob.glob(os.path.join(LAB, "*/"))):
        name, truth, losses = os.path.basename(data[:-1]), read(data, "truth.json"), read(data, "loss_truth.json")
        store = os.path.join(WORK, name + ".btr")
        ingest(store, data, sorted(glob.glob(os.path.join(data, "*.audit.log.zst"))))
        for alert in truth["alerts"]:
            text, ms, mib = ask(store, data, alert)
            answer = json.loads(text)
            wrong, ratios, safe, others = judge(losses, {row["name"]: row for row in answer["assets"]})
            _, trace_ms, trace_mib = run("trace", "--store", store, "--from", f"record:{alert['host']}/{alert['serial']}")
            print("%s, %s: %d wrong%s; bounds %s; %d of %d certified; %.0f ms, %.0f MiB (%.1f times `trace`, %.0f MiB)"
                  % (name, alert["name"], len(wrong), " (" + "; ".join(wrong) + ")" if wrong else "",
                     " ".join("%.1f" % r for r in ratios) or "-", safe, others, ms, mib, ms / trace_ms, trace_mib))
            if alert["name"] == "late":
                exact += ratios
                certified[0] += safe
                certified[1] += others
                print("%s, extent: %d of %d processes of the attack, among %d" % (name, *extent_of(store, answer, truth)))
                print("%s, cut: %s" % (name, steps_of(answer)))
        told_early(name, data, truth, losses)
        for how in ("hole", "drops"):
            ingest(f"{store}.{how}", data, degraded(name, data, truth, how))
            early = next(a for a in truth["alerts"] if a["name"] == "early")
            rows = json.loads(ask(f"{store}.{how}", data, early)[0])["assets"]
            false = [r["name"] for r in rows if r["verdict"] == "not lost" and r["name"] in losses["lost"]]
            print("%s, %s: %s; %d false \"not lost\"" % (name, how, ", ".join(
                f"{n} {v}" for v in ("lost", "possibly lost", "cannot know", "not lost") for n in [sum(r["verdict"] == v for r in rows)] if n), len(false)))
    print("late alerts: bounds %.1f in the median; %d of %d certified" % (statistics.median(exact), *certified))


main()
