"""Recordings with the clocks of some hosts set wrong: the answers are those of the recordings as they are, but for times, and say whose clock is wrong."""
import collections
import json
import os
import pathlib
import re
import subprocess

BACKTRAIL = os.environ["BACKTRAIL"]
SOURCE = pathlib.Path(os.environ["BTR_SOURCE_DIR"])
SHARED = pathlib.Path(os.environ.get("BTR_SHARED_DIR") or SOURCE / ".." / "shared")
STAMP = re.compile(rb"msg=audit\((\d+)\.(\d+):(\d+)\)")
SHIPPED = ({"db01": 40}, {"web01": 40, "bast01": -1800})
LONG = ({"web01": -40}, {"db01": 0.3}) if os.environ.get("BTR_LONG") else ()
# Of recordings that are not shipped: the host that the cause came through, and the alert's own.
MORE = {"ssh_lateral": ({"bast01": -40}, {"db01": 40}, {"web01": 1800, "db01": -40})} if os.environ.get("BTR_LONG") else {}


def run(*words):
    done = subprocess.run([BACKTRAIL, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def shifted(log, seconds):
    text = subprocess.run(["zstd", "-dcq", log], stdout=subprocess.PIPE, check=True).stdout
    ms = round(seconds * 1000)

    def move(stamp):
        at_ms = int(stamp[1]) * 1000 + int(stamp[2]) + ms
        return b"msg=audit(%d.%03d:%s)" % (at_ms // 1000, at_ms % 1000, stamp[3])
    return STAMP.sub(move, text) if ms else text


def ingest(store, data, ahead, per_host=False):
    folder = pathlib.Path("logs")
    folder.mkdir()
    for log in sorted(data.glob("*.audit.log.zst")):
        host = log.name.split(".")[0]
        (folder / log.stem).write_bytes(shifted(log, ahead.get(host, 0)))
    logs = sorted(folder.iterdir())
    for some in ([log] for log in logs) if per_host else [logs]:
        run("ingest", "--quiet", "--store", store, "--hosts", data / "hosts.json", *some)
    subprocess.run(["rm", "-rf", folder], check=True)


def trace(alert, store, *options):
    return run("trace", "--store", store, "--from", f"record:{alert['host']}/{alert['serial']}", "--no-stats", *options)


def told(answer):
    """Nodes and edges without times, and without ids, of which many hold a time."""
    names = {node["id"]: (node["host"], node["kind"], node["label"]) for node in answer["nodes"]}
    edges = collections.Counter((names[e["from"]], names[e["to"]], e["operation"], e["doubt"], e["count"],
                                 tuple(sorted((r["host"], r["id"]) for r in e["evidence"]))) for e in answer["edges"])
    return collections.Counter(names.values()), edges


def check(case, data, alert, ahead, right, store):
    answer = json.loads(trace(alert, store, "--output", "json", "--evidence", "all"))
    assert told(answer) == right, (case, alert["name"], ahead)
    offsets = {clock["host"]: clock["offset_ns"] / 1e9 for clock in answer["clocks"]}
    for host, offset in offsets.items():
        assert offset == ahead.get(host, 0) - ahead.get(alert["host"], 0), (case, alert["name"], ahead, offsets)
    text = trace(alert, store).decode()
    lines = [line for line in text.splitlines() if "'s clock is " in line]
    assert len(lines) == sum(offset != 0 for offset in offsets.values()), (lines, offsets)
    assert text.startswith(lines[0] if lines else "Alert"), text[:200]
    marked = [line for line in text.splitlines() if re.match(r"  ..  \d\d:\d\d:\d\d\.\d{3}~ ", line)]
    assert bool(lines) or not marked, marked
    assert case != "ssh_lateral" or alert["name"] != "late" or marked, text
    print(f"ok: {case}, {alert['name']} alert, {ahead}: {len(answer['edges'])} edges as recorded; {' '.join(lines) or 'its hosts agree'}", flush=True)


def check_recording(case, data, wrong):
    alerts = json.loads((data / "truth.json").read_text())["alerts"]
    ingest(f"{case}.right", data, {})
    right = {a["name"]: told(json.loads(trace(a, f"{case}.right", "--output", "json", "--evidence", "all"))) for a in alerts}
    for i, ahead in enumerate(wrong):
        ingest(f"{case}.{i}", data, ahead)
        for alert in alerts:
            check(case, data, alert, ahead, right[alert["name"]], f"{case}.{i}")


DATA = SOURCE / "datasets" / "web_cmdi"
check_recording("web_cmdi", DATA, SHIPPED + LONG)
LATE = next(a for a in json.loads((DATA / "truth.json").read_text())["alerts"] if a["stage"] == "late")
ingest("parts", DATA, SHIPPED[0], per_host=True)  # a segment each, so that there is something to merge
BEFORE = trace(LATE, "parts", "--output", "json")
assert BEFORE == trace(LATE, "web_cmdi.0", "--output", "json"), "a segment for each host"
run("store", "compact", "--store", "parts")
assert BEFORE == trace(LATE, "parts", "--output", "json"), "merged"
CLOSURES = [told(json.loads(trace(LATE, store, "--output", "json", "--strategy", "backtracker"))) for store in ("web_cmdi.right", "web_cmdi.0", "web_cmdi.1")]
assert CLOSURES[0] == CLOSURES[1] == CLOSURES[2], "closures"
print("ok: the same bytes however the store is cut; closures as recorded", flush=True)
for name, cases in MORE.items():
    if (SHARED / "datasets/lab" / name / "truth.json").exists():
        check_recording(name, SHARED / "datasets/lab" / name, cases)
