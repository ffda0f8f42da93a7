#!/usr/bin/env python3
"""The ledger of the shipped recording against its truth: nothing wrong, whole chains, the same bytes from stores that are cut otherwise;
over a hole, or without a way in, nothing is "not lost"; a wrong inventory is refused.
usage: loss_test.py BACKTRAIL DATASET"""
import json
import os
import re
import subprocess
import sys

PROGRAM, DATA = sys.argv[1:3]
ASSETS = os.path.join(DATA, "assets.yaml")
HOSTS = ("bast01", "bkp01", "db01", "web01")


def read(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        return json.load(file)


TRUTH, LOSS = read("truth.json"), read("loss_truth.json")
ALERTS = {alert["name"]: alert for alert in TRUTH["alerts"]}


def run(*words, status=0):
    done = subprocess.run([PROGRAM, *words], capture_output=True, timeout=300, check=False)
    assert done.returncode == status, (words, done.returncode, done.stderr[-2000:])
    return done.stderr if status else done.stdout


def ingest(store, paths, *options):
    run("ingest", "--store", store, "--hosts", os.path.join(DATA, "hosts.json"), *options, *paths)


def ledger(*stores, alert="late", output="json", more=()):
    spec = f"record:{ALERTS[alert]['host']}/{ALERTS[alert]['serial']}"
    which = [word for store in stores for word in ("--store", store)]
    return run("loss", *which, "--from", spec, "--assets", ASSETS, "--output", output, *more)


def rows_of(answer):
    return {row["name"]: row for row in json.loads(answer)["assets"]}


def is_not_wrong(rows):
    for name, want in LOSS["lost"].items():
        low, high = rows[name]["bytes"]["min"], rows[name]["bytes"]["max"]
        assert rows[name]["verdict"] in ("lost", "possibly lost"), (name, rows[name]["verdict"])
        assert low <= want["bytes"] and (high is None or high >= want["bytes"]), (name, low, high)
    for name, row in rows.items():
        assert name in LOSS["lost"] or name in LOSS["either"] or row["verdict"] != "lost", name


def chains_are_whole(answer):
    """Each step begins where the one before ended, and cites a record that names the host."""
    for row in answer["assets"]:
        chain = row["chain"]
        assert bool(chain) == bool(row["files"]) or row["verdict"] == "lost", row["name"]
        for before, after in zip(chain, chain[1:]):
            assert before["to"] == after["from"], (row["name"], before, after)
        if row["verdict"] == "lost":
            assert chain[-1]["to"] in [left["entity"] for left in row["left"]], row["name"]
        for link in chain:
            assert link["evidence"] or "=" in link["label"], link


def without(name, since, until):
    """The lines of a host's log but for those between two times."""
    path = os.path.join(DATA, f"{name}.audit.log.zst")
    lines = subprocess.run(["zstdcat", path], capture_output=True, check=True).stdout.splitlines(keepends=True)
    with open(f"{name}.audit.log", "wb") as file:
        for line in lines:
            found = re.search(rb"msg=audit\((\d+\.\d+):", line)
            if not found or not since <= float(found[1]) < until:
                file.write(line)
    return f"{name}.audit.log"


PATHS = {host: os.path.join(DATA, f"{host}.audit.log.zst") for host in HOSTS}
ingest("whole", PATHS.values())
ANSWERS = {name: ledger("whole", alert=name) for name in ALERTS}
for name, answer in ANSWERS.items():
    rows = rows_of(answer)
    is_not_wrong(rows)
    chains_are_whole(json.loads(answer))
    safe = [row for row in rows.values() if row["verdict"] == "not lost"]
    assert len(safe) >= 5, (name, [(row["name"], row["verdict"]) for row in rows.values()])
    assert json.loads(answer)["extent"]["addresses"] == [TRUTH["outside_address"]], name
    assert rows["database credentials of the shop"]["bytes"]["max"] == 175
print("ok: nothing wrong, from each alert; five are not lost; chains are whole")

alert = f"record:{ALERTS['late']['host']}/{ALERTS['late']['serial']}"
found = json.loads(run("trace", "--store", "whole", "--from", alert, "--output", "json"))


def ledger_of(entity):
    return json.loads(run("loss", "--store", "whole", "--from", f"id:{entity}", "--assets", ASSETS, "--output", "json"))


visitor = found["considered"][0]
address = re.match(r"tcp ([\d.]+):\d+ -> ", visitor["label"])[1]
assert ledger_of(visitor["entity"])["extent"]["addresses"] == [address] != [TRUTH["outside_address"]]
answer = ledger_of(found["entries"][0]["entity"])
assert answer["extent"]["addresses"] == [TRUTH["outside_address"]] and answer["complete"]
late = rows_of(ANSWERS["late"])
for row in answer["assets"]:
    assert [row["verdict"], row["bytes"]] == [late[row["name"]]["verdict"], late[row["name"]]["bytes"]], row["name"]
print("ok: of a connection from outside as the alert it is the ledger of who asked for it, and of nobody beside")

text = ledger("whole", output="text").decode()
verdicts = re.findall(r"^(lost|possibly lost|cannot know|not lost) ", text, re.M)
assert verdicts == sorted(verdicts, key=["lost", "possibly lost", "cannot know", "not lost"].index) and len(verdicts) == 8
assert "10.77.0.139" in text.splitlines()[0] and "What that rests on" in text
print("ok: the text tells the worst first")

for host in HOSTS:
    ingest("part." + host, [PATHS[host]], "--segment-events", "20000")
assert ledger("whole") == ANSWERS["late"]
# which of several records of one moment is cited may differ, as numbers of lines do not
parted = ledger(*("part." + host for host in HOSTS))
assert rows_of(parted) == rows_of(ANSWERS["late"])
for part in ("extent", "containment"):
    assert json.loads(parted)[part] == json.loads(ANSWERS["late"])[part], part
print("ok: the same from one store and from four, cut otherwise")

late = ALERTS["late"]["time"]
holed = {**PATHS, "web01": without("web01", late - 5, late + 5)}
ingest("holed", holed.values())
answer = ledger("holed", alert="early")
rows = rows_of(answer)
for name, row in rows.items():
    assert row["verdict"] != "not lost", name
    assert row["bytes"]["max"] is None, (name, row["bytes"])
    if row["verdict"] == "cannot know":
        assert row["breaks_if"] and any("web01" in gap for gap in row["breaks_if"]), row
assert all(rows[name]["verdict"] in ("lost", "possibly lost") for name in LOSS["lost"])
print("ok: over a hole nothing is not lost, and the hole is named")

ingest("blind", [without("web01", late - 60, late), *(PATHS[host] for host in HOSTS if host != "web01")])
assert all(row["verdict"] == "cannot know" for row in rows_of(ledger("blind")).values() if row["verdict"] != "possibly lost")
print("ok: where nobody is seen to come in nothing is not lost")

for limit in (50, 2000, 20000, 60000):
    words = ("loss", "--store", "whole", "--from", f"record:web01/{ALERTS['late']['serial']}", "--assets", ASSETS, "--output", "json")
    done = subprocess.run([PROGRAM, *words, "--budget", f"edges={limit}"], capture_output=True, timeout=300, check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["complete"] else 4), (limit, done)
    if not answer["complete"]:
        assert all(row["verdict"] != "not lost" and row["bytes"]["max"] is None for row in answer["assets"]), limit
print("ok: where a limit cut, nothing is not lost and nothing has a bound, and the status says so")

NAME, HOSTILE = b"/var/www/shop/public/uploads/pic121.jpg", b"/var/www/shop/public/uploads/\x1b[2J\x9b1m\n\xff<b>\xe2\x80\xae.jpg"
log = subprocess.run(["zstdcat", PATHS["web01"]], capture_output=True, check=True).stdout
assert log.count(b'name="' + NAME + b'"') > 2
with open("web01.audit.log", "wb") as file:
    file.write(log.replace(b'name="' + NAME + b'"', b"name=" + HOSTILE.hex().upper().encode()))
ingest("hostile", ["web01.audit.log", *(PATHS[host] for host in HOSTS if host != "web01")])
text = ledger("hostile", output="text")
assert b"uploads/\\x1b[2J" in text and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f\x9b\xff]|\xe2\x80\xae", text)
rows = rows_of(ledger("hostile"))
is_not_wrong(rows)
assert any(file["path"].encode("utf-8", "surrogateescape") == HOSTILE for file in rows["shop database"]["staged"]), rows["shop database"]["staged"]
print("ok: what an intruder named reaches no terminal, and JSON has its bytes")

# The dump fetched from another address than that of the intruder: 0200 port 57012, 10.77.0.139 of the socket address.
FETCH = b"DEB40A4D008B"
assert log.count(FETCH) == 1
with open("web01.audit.log", "wb") as file:
    file.write(log.replace(FETCH, b"DEB40A4D008C"))
ingest("page", ["web01.audit.log", *(PATHS[host] for host in HOSTS if host != "web01")])
answer = json.loads(ledger("page", alert="middle"))
chains_are_whole(answer)
is_not_wrong({row["name"]: row for row in answer["assets"]})
assert answer["extent"]["addresses"] == [TRUTH["outside_address"]]
row = {row["name"]: row for row in answer["assets"]}["shop database"]
left = [way for way in row["left"] if way["by"] == "page"]
assert row["verdict"] == "lost" and [way["to"] for way in left] == ["10.77.0.140:57012"], row
assert left[0]["bytes"]["max"] == LOSS["lost"]["shop database"]["bytes"], left
both = json.loads(ledger("page", alert="late"))  # the alert is that download: who asked for it, and who had broken in
assert sorted(both["extent"]["addresses"]) == sorted([TRUTH["outside_address"], "10.77.0.140"]) and both["complete"], both["extent"]
print("ok: what a server handed to somebody else is lost, by that page; an alert that is its download names him and the intruder")

# What was put into the folder left by it, if that is a way out: a public share, a stick.
with open(ASSETS, encoding="utf-8") as old, open("exit.yaml", "w", encoding="utf-8") as file:
    file.write(old.read() + '  - {host: web01, path: "/var/www/shop/public/uploads/**", name: uploads, classification: exit}\n')
answer = json.loads(run("loss", "--store", "page", "--from", f"record:web01/{ALERTS['middle']['serial']}", "--assets", "exit.yaml", "--output", "json"))
assert "uploads" not in [row["name"] for row in answer["assets"]]
row = {row["name"]: row for row in answer["assets"]}["shop database"]
left = [way for way in row["left"] if way["by"] == "removable"]
assert row["verdict"] == "lost" and [way["to"] for way in left] == [NAME.decode()], row
is_not_wrong({row["name"]: row for row in answer["assets"]})
print("ok: a folder that is a way out is one")

with open("far.yaml", "w", encoding="utf-8") as file:
    file.write("assets:\n  - {host: nas01, path: /export/**, name: files}\n  - {host: db01, path: /srv/none/**, name: nothing}\n")
far = rows_of(run("loss", "--store", "whole", "--from", f"record:web01/{ALERTS['late']['serial']}", "--assets", "far.yaml", "--output", "json"))
assert far["files"]["verdict"] == "cannot know" and "no source tells of its host" in far["files"]["why"], far
assert far["nothing"]["verdict"] == "not lost", far
print("ok: of a host that nobody tells of nothing is known")

with open("wrong.yaml", "w", encoding="utf-8") as file:
    file.write("assets:\n  - {host: web01, pth: /x, name: a}\n")
said = run("loss", "--store", "whole", "--from", "record:web01/1", "--assets", "wrong.yaml", status=2).decode()
assert "wrong.yaml:2" in said and "pth" in said and said.count("\n") == 1, said
said = run("loss", "--store", "none", "--from", "record:web01/1", "--assets", ASSETS, status=3).decode()
assert said.count("\n") == 1 and "no store there" in said, said
said = run("loss", "--store", "whole", "--from", "record:web01/1", "--assets", ASSETS, status=1).decode()
assert "record:web01/1" in said, said
for words in (("--assets", ASSETS), ("--from", "record:web01/1"), ("--from", "record:web01/1", "--assets", "no.yaml")):
    run("loss", "--store", "whole", *words, status=2)
print("ok: wrong input is refused in a line")
