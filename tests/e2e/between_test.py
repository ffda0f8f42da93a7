"""`trace --between` on the shipped recording: against the closures of its two ends, the truth, and other cuts of the store."""
import json
import os
import subprocess

BACKTRAIL = os.environ["BACKTRAIL"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
EVENTS_MAX = 5000  # of what critical shows; the part has about 16,000


def run(*words, status=0):
    done = subprocess.run([BACKTRAIL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return done.stdout


def ingest(store, *hosts):
    run("ingest", "--quiet", "--store", store, "--hosts", f"{DATA}/hosts.json", *(f"{DATA}/{host}.audit.log.zst" for host in hosts))


def trace(*words, stores=("one",), status=0):
    options = [word for store in stores for word in ("--store", store)]
    return run("trace", *options, *words, "--output", "json", "--evidence", "all", "--no-stats", status=status)


def cited(answer):
    """(from, to, host, record) of all edges; a pair joins two connections, and which records it rests on follows from them."""
    return {(edge["from"], edge["to"], record["host"], record["id"]) for edge in answer["edges"] if not edge.get("pair") for record in edge["evidence"]}


with open(f"{DATA}/truth.json", encoding="utf-8") as file:
    TRUTH = json.load(file)
ingest("one", "bast01", "bkp01", "db01", "web01")
ingest("a", "web01", "bast01")
ingest("b", "db01", "bkp01")
LATE = next(alert for alert in TRUTH["alerts"] if alert["stage"] == "late")
A = f"record:{TRUTH['entry']['host']}/{TRUTH['entry']['serial']}"
B = f"record:{LATE['host']}/{LATE['serial']}"

whole = trace("--between", A, B, "--strategy", "backtracker")
part = json.loads(whole)
assert part["between"]["path"] and part["between"]["from"]["spec"] == A and part["alert"]["spec"] == B
forward = cited(json.loads(trace("--from", A, "--forward", "--strategy", "backtracker")))
backward = cited(json.loads(trace("--from", B, "--strategy", "backtracker")))
mine = cited(part)
assert mine <= forward & backward, "what lies between is in both closures"
nodes = {node["id"] for node in part["nodes"]}
ends = (part["between"]["from"]["entity"], part["between"]["to"]["entity"])
out = {edge["from"] for edge in part["edges"]}
into = {edge["to"] for edge in part["edges"]}
assert nodes - {ends[1]} <= out and nodes - {ends[0]} <= into, "every entity leads on"
print(f"ok: {len(mine)} steps between, of {len(forward & backward)} that both closures have", flush=True)

likely = trace("--between", A, B)
answer = json.loads(likely)
assert cited(answer) <= mine, "what is likely lies between"
assert len(cited(answer)) < EVENTS_MAX, len(cited(answer))
told = {(host, int(record)) for _, _, host, record in cited(answer)}
for step in ("php-fpm", "thumb.php", "pg_dump"):
    assert any(step in node["label"] for node in answer["nodes"]), step
assert (TRUTH["entry"]["host"], TRUTH["entry"]["serial"]) in told or (LATE["host"], LATE["serial"]) in told
for given, same in ((("--between", A, B, "--strategy", "backtracker"), whole), (("--between", A, B), likely)):
    assert trace(*given, stores=("a", "b")) == same, "two stores as one"
    assert trace(*given) == same, "asked again"
print(f"ok: {len(cited(answer))} of them are likely; the same bytes from two stores", flush=True)

none = json.loads(trace("--between", B, A, status=1))
assert not none["between"]["path"] and none["complete"] and none["edges"] == [] and len(none["nodes"]) == 2
assert none["between"]["reached"]["entities"] >= 1
text = run("trace", "--store", "one", "--between", B, A, status=1).decode()
assert "No path: of the " in text and "Gaps " in text, text
cut = json.loads(trace("--between", A, B, "--budget", "edges=100", status=4))
assert not cut["complete"] and cut["cut"]["reason"] == "edges", "cut"
print("ok: no path the other way, with what was searched; a cut one says so", flush=True)

# Without a host's own entities the closure is that of a store which never had its records, but for the far halves of connections to it.
ingest("c", "bkp01")
WITHOUT = 'host.name == "db01"'
for stage in TRUTH["alerts"]:
    spec = f"record:{stage['host']}/{stage['serial']}"
    less = json.loads(trace("--from", spec, "--strategy", "backtracker", "--without", WITHOUT))
    assert less["without"]["filter"] == WITHOUT
    assert not any(node["host"] == "db01" for node in less["nodes"]), stage["name"]
    never = json.loads(trace("--from", spec, "--strategy", "backtracker", stores=("a", "c")))
    assert cited(less) == cited(never), (stage["name"], len(cited(less) ^ cited(never)))
    print(f"ok: {stage['name']}: {less['without']['entities']} entities left out, {len(cited(less))} steps as without these records", flush=True)
text = run("trace", "--store", "one", "--from", B, "--without", WITHOUT).decode()
assert f"without: {WITHOUT}\n" in text and "db01  " not in text
for strategy in ("critical", "readonly", "priotracker", "nodoze", "depimpact"):
    less = json.loads(trace("--from", B, "--strategy", strategy, "--without", WITHOUT))
    assert not any(node["host"] == "db01" for node in less["nodes"]), strategy
assert not json.loads(trace("--between", A, B, "--without", 'process.name == "php-fpm8.2" or process.name == "nginx"', status=1))["between"]["path"]
print("ok: every strategy leaves out, and so does a part between two ends", flush=True)
