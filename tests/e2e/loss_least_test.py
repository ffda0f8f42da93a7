#!/usr/bin/env python3
"""What one call moved out of an asset has left at least. On this recording the intruder's cat puts what it was sent for into a file by
copy_file_range; with that file's folder a way out (a stick, a share), the least that left is the truth, to the byte. Where the record
is missing, or the folder is no way out, nothing is sure.
usage: loss_least_test.py BACKTRAIL DATASET"""
import glob
import json
import os
import re
import subprocess
import sys

PROGRAM, DATA = sys.argv[1:3]


def read(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        return json.load(file)


LOST = {name: row["bytes"] for name, row in read("loss_truth.json")["lost"].items() if row["exact"]}
ALERT = next(alert for alert in read("truth.json")["alerts"] if alert["name"] == "late")


def run(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, timeout=300, check=True).stdout


def least(store, assets):
    words = ("--store", store, "--from", f"record:{ALERT['host']}/{ALERT['serial']}", "--assets", assets, "--output")
    rows = json.loads(run("loss", *words, "json"))["assets"]
    text = run("loss", *words, "text").decode()
    for row in rows:
        assert bool(row["bytes"]["min"]) == (f", at least {row['bytes']['min']:,}" in text), row["name"]
        assert not row["bytes"]["min"] or row["verdict"] == "lost", row
    return {row["name"]: row["bytes"]["min"] for row in rows}


logs = glob.glob(os.path.join(DATA, "*.audit.log.zst"))
run("ingest", "--store", "whole", "--hosts", os.path.join(DATA, "hosts.json"), *logs)
shipped = os.path.join(DATA, "assets.yaml")
with open(shipped, encoding="utf-8") as old, open("exit.yaml", "w", encoding="utf-8") as new:
    new.write(old.read() + '  - {host: web01, path: "/tmp/**", name: stick, classification: exit}\n')
assert not any(least("whole", shipped).values())
found = least("whole", "exit.yaml")
assert {name: bytes for name, bytes in found.items() if bytes} == LOST, (found, LOST)
print("ok: the least that left is what was moved there:", LOST)

web = next(log for log in logs if "/web01." in log)
lines = subprocess.run(["zstdcat", web], capture_output=True, check=True).stdout.splitlines(keepends=True)
moved = re.compile(rb" syscall=326 success=yes exit=%d .*comm=\"cat\"" % min(LOST.values()))
gone = {re.search(rb"audit\([0-9.:]+\)", line)[0] for line in lines if moved.search(line)}
assert gone
with open("web01.audit.log", "wb") as file:
    file.writelines(line for line in lines if re.search(rb"audit\([0-9.:]+\)", line)[0] not in gone)
run("ingest", "--store", "less", "--hosts", os.path.join(DATA, "hosts.json"), "web01.audit.log", *(log for log in logs if log != web))
found = least("less", "exit.yaml")
assert sorted(bytes for bytes in found.values() if bytes) == sorted(LOST.values())[1:], found
print("ok: without the record nothing is sure")
