"""What `critical` answers on the shipped recording, against its truth; and that it does not depend on how a store is cut."""
import json
import os
import subprocess

BACKTRAIL = os.environ["BACKTRAIL"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
HOSTS = ("bast01", "bkp01", "db01", "web01")
EDGES_MAX = 500  # of one answer; the closures have 20,000 to 33,000
FORWARD_EDGES_MAX = 3000  # the closure has 53,000


def run(*words, status=0):
    done = subprocess.run([BACKTRAIL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
    assert done.returncode == status, (words, done.stderr)
    return done.stdout


def ingest(store, *hosts):
    run("ingest", "--quiet", "--store", store, "--hosts", f"{DATA}/hosts.json", *(f"{DATA}/{host}.audit.log.zst" for host in hosts))


def trace(alert, *stores, forward=()):
    options = [word for store in stores for word in ("--store", store)] + list(forward)
    return run("trace", *options, "--from", f"record:{alert['host']}/{alert['serial']}", "--output", "json", "--evidence", "all", "--no-stats")


def check(truth, alert, answer):
    cited = {(r["host"], int(r["id"])) for edge in answer["edges"] for r in edge["evidence"]}
    needed = {}
    for event in truth["critical_events"]:
        if event["direction"] == "back" and event["serial"] <= alert["serial"]:
            needed.setdefault(event["id"], set()).add((event["host"], event["serial"]))
    missed = sorted(name for name, records in needed.items() if not records & cited)
    assert not missed, (alert["name"], missed)
    assert (truth["entry"]["host"], truth["entry"]["serial"]) in cited, alert["name"]
    assert len(answer["edges"]) <= EDGES_MAX, (alert["name"], len(answer["edges"]))
    first = next(node for node in answer["nodes"] if node["id"] == answer["entries"][0]["entity"])
    assert first["flow"]["source"]["ip"] == truth["outside_address"], (alert["name"], first)
    return len(needed)


def check_forward(truth, alert, answer):
    cited = {(r["host"], int(r["id"])) for edge in answer["edges"] for r in edge["evidence"]}
    needed = {}
    for event in truth["critical_events"]:
        if event["direction"] != "related" and event["serial"] >= alert["serial"]:
            needed.setdefault(event["id"], set()).add((event["host"], event["serial"]))
    missed = sorted(name for name, records in needed.items() if not records & cited)
    assert len(missed) <= 1, missed
    assert answer["direction"] == "forward" and len(answer["edges"]) <= FORWARD_EDGES_MAX, len(answer["edges"])
    exits = [node for node in answer["nodes"] if node["id"] in {e["entity"] for e in answer["exits"] if e["score"] > 0}]
    assert any(truth["outside_address"] in (node["flow"].get(end, {}).get("ip") for end in ("source", "destination")) for node in exits), exits
    return len(needed) - len(missed)


with open(f"{DATA}/truth.json", encoding="utf-8") as file:
    TRUTH = json.load(file)
ingest("one", *HOSTS)
ingest("a", "web01", "bast01")
ingest("b", "db01", "bkp01")
for host in HOSTS:
    ingest("late", host)  # a segment each, so that there is something to merge
for each in TRUTH["alerts"]:
    told = trace(each, "one")
    print(f"ok: {each['name']}: {check(TRUTH, each, json.loads(told))} critical events, the way in first, {len(json.loads(told)['edges'])} edges", flush=True)
    assert trace(each, "one") == told, "asked again"
    assert trace(each, "a", "b") == told, "two stores as one"
    before = trace(each, "late")
    assert before == told, "a segment for each host"
# All alerts of the attack are one incident; something that never came near them is none of it.
SPECS = [f"record:{alert['host']}/{alert['serial']}" for alert in TRUTH["alerts"]]
FROM = [word for spec in SPECS for word in ("--from", spec)]
one = json.loads(run("trace", "--store", "one", *FROM, "--output", "json"))
assert [alert["spec"] for alert in one["alerts"]] == SPECS and one["incidents"] == [list(range(len(SPECS)))], one["incidents"]
apart = json.loads(run("trace", "--store", "one", *FROM[:2], "--from", "file:bkp01//etc/shadow", *FROM[2:], "--output", "json"))
assert apart["incidents"] == [[0, *range(2, len(SPECS) + 1)], [1]], apart["incidents"]
assert b"One incident: all" in run("trace", "--store", "one", *FROM)
text = run("trace", "--store", "one", *FROM[:2], "--from", "file:bkp01//etc/shadow").decode()
assert f"Incidents: the 2 alerts are 2 that share no event\n  1  {SPECS[0]}\n  2  file:bkp01//etc/shadow\n" in text, text[:900]
assert "incidents" not in json.loads(trace(TRUTH["alerts"][0], "one"))
print("ok: alerts that share a trace are one incident, others are told apart", flush=True)
EARLY = next(alert for alert in TRUTH["alerts"] if alert["stage"] == "early")
FORWARD = trace(EARLY, "one", forward=["--forward"])
print(f"ok: forward from {EARLY['name']}: {check_forward(TRUTH, EARLY, json.loads(FORWARD))} critical events, {len(json.loads(FORWARD)['edges'])} edges", flush=True)
assert trace(EARLY, "one", forward=["--forward"]) == FORWARD, "forward again"
assert trace(EARLY, "a", "b", forward=["--forward"]) == FORWARD, "forward over two stores"
assert trace(EARLY, "late", forward=["--forward"]) == FORWARD, "forward over a segment for each host"
run("store", "compact", "--store", "late")
assert trace(EARLY, "late", forward=["--forward"]) == FORWARD, "forward, merged"
for each in TRUTH["alerts"]:
    assert trace(each, "late") == trace(each, "one"), "merged"
print("ok: the same bytes from one store, from two, from many segments, and merged", flush=True)
