"""Damages a store, block by block and file by file, and holds each command to what it then must say."""
import glob
import json
import os
import shutil
import struct
import subprocess
import sys

BACKTRAIL = os.environ["BACKTRAIL"]
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
STRINGS, STREAMS, ENTITIES, EVENTS, DETAILS, INDEX = 1, 2, 7, 9, 10, 11
failures = 0


def check(good, text):
    global failures
    if not good:
        failures += 1
        print("FAILED:", text)


def run(*words):
    p = subprocess.run([BACKTRAIL, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    return p.returncode, p.stdout.decode("utf-8", "surrogateescape"), p.stderr.decode("utf-8", "surrogateescape")


def segments(store):
    """Files by size, the largest first."""
    return sorted(glob.glob(store + "/segments/*/*.bseg"), key=lambda f: (-os.path.getsize(f), f))


def flip(file, section):
    """Changes a byte of the first block of a section (docs/FORMAT.md, sections 3 and 4)."""
    data = bytearray(open(file, "rb").read())
    for i in range(struct.unpack_from("<I", data, 8)[0]):
        kind, _, blocks, offset = struct.unpack_from("<HHIQ", data, 64 + 40 * i)
        if kind == section:
            data[offset + 24 * blocks] ^= 0x10
            with open(file, "wb") as out:
                out.write(data)
            return
    sys.exit(f"no section {section}")


def copy(name):
    shutil.rmtree(name, ignore_errors=True)
    shutil.copytree("sound", name)
    return name


def name_of(file):
    return os.path.basename(file)[:-5]


def questions(store):
    at = ("--store", store)
    return {
        "find": ("find", *at, "--kind", "process"),
        "find json": ("find", *at, "--output", "json", 'process.executable like "*/sshd"'),
        "back": ("trace", "--strategy", "backtracker", *at, "--from", START, "--output", "json", "--no-stats", "--evidence", "all"),
        "forward": ("trace", "--strategy", "backtracker", *at, "--from", START, "--forward", "--output", "json", "--no-stats"),
        "text": ("trace", "--strategy", "backtracker", *at, "--from", START, "--no-stats"),
        "dot": ("trace", "--strategy", "backtracker", *at, "--from", START, "--output", "dot"),
        "graphml": ("trace", "--strategy", "backtracker", *at, "--from", START, "--output", "graphml"),
        "stat": ("store", "stat", "--by", "host,source", *at),
        "gaps": ("store", "gaps", *at),
    }


def told(name, out, err):
    """Whether an answer, or what is said in its place, says first that a segment is damaged."""
    if not out:
        return err.startswith("DAMAGED: ")
    if name in ("back", "forward", "find json"):
        return "damage" in json.loads(out)
    if name == "dot":
        return "label=\"DAMAGED: " in out[:400]
    if name == "graphml":
        return "<data key=\"damage\">DAMAGED: " in out
    return out.startswith("DAMAGED: ")


def without_damage(out):
    answer = json.loads(out)
    answer.pop("damage", None)
    return answer


def ask_all(store, what):
    """Each question: the answer of before, or one that says what it lacks and ends with 3."""
    said = 0
    for name, words in questions(store).items():
        status, out, err = run(*words)
        damaged = told(name, out, err)
        said += damaged
        if damaged:
            check(status == 3, f"{what}, {name}: says damage and ends with {status}")
            check("damaged: the answer is of the rest" in err, f"{what}, {name}: stderr does not tell")
        else:
            check((status, out) == SOUND[name], f"{what}, {name}: another answer without a word")
    return said


# ---- A sound store of several segments
subprocess.run("zstd -dcq %s/bast01.audit.log.zst >bast01.audit.log; zstd -dcq %s/web01.audit.log.zst | head -c 20000000 |"
               "sed '$d' >web01.audit.log" % (DATA, DATA), shell=True, check=True)
for host in "bast01", "web01":
    subprocess.run([BACKTRAIL, "ingest", "--quiet", "--store", "sound", "--hosts", DATA + "/hosts.json", host + ".audit.log"],
                   check=True)
status, out, err = run("find", "--store", "sound", "--limit", "1", "--output", "json",
                       'process.executable like "*/sshd" and host.name == "web01"')
START = "id:" + json.loads(out)["entities"][0]["id"]
SOUND = {name: run(*words) for name, words in questions("sound").items()}
check(all(status in (0, 1) for status, _, _ in SOUND.values()), "a sound store is not answered from")
SOUND = {name: (status, out.replace("sound", "hurt")) for name, (status, out, _) in SOUND.items()}
large = name_of(segments("sound")[0])

# ---- Blocks: of what is read, of what finds it, of what describes it
for section in STRINGS, STREAMS, ENTITIES, EVENTS, DETAILS, INDEX:
    flip(segments(copy("hurt"))[0], section)
    said = ask_all("hurt", f"section {section}")
    check(said >= (1 if section == STRINGS else 3), f"section {section}: only {said} answers tell")
    status, out, _ = run("store", "verify", "--store", "hurt")
    check(status == 3 and large in out, f"section {section}: verify does not name it")
    if section == INDEX: # is made anew: nothing is missing
        status, out, _ = run(*questions("hurt")["back"])
        check(json.loads(out)["complete"] and json.loads(out)["damage"][0]["lost_events"] == 0, "a lost index costs something")
        check(without_damage(out) == json.loads(SOUND["back"][1]), "a lost index changes the answer")
    if section == EVENTS:
        status, out, _ = run(*questions("hurt")["back"])
        answer = json.loads(out)
        damage = answer["damage"][0]
        check(not answer["complete"] and damage["segment"] == large and damage["lost_events"] == 4096, "what is lost is not told")
        check(0 < damage["lost_events"] < damage["events"] and damage["hosts"] and len(damage["day"]) == 10, "or not where")
        check(list(answer)[:8].index("damage") < list(answer).index("nodes"), "or not first")

# ---- Files: missing, cut, of another; and all of them
for what in "missing", "cut", "other":
    file = segments(copy("hurt"))[0]
    data = open(file, "rb").read()
    os.remove(file)
    if what != "missing":
        with open(file, "wb") as out:
            out.write(data[:1000] if what == "cut" else open(segments("hurt")[0], "rb").read())
    check(ask_all("hurt", what) >= 5, f"{what}: not told")
    status, out, _ = run("store", "stat", "--store", "hurt")
    check(name_of(file) in out.splitlines()[0], f"{what}: stat does not name it first")
    status, out, _ = run("store", "verify", "--store", "hurt")
    check(status == 3 and name_of(file) in out, f"{what}: verify does not name it")
    status, out, err = run("store", "compact", "--store", "hurt")
    check(status == 3 and "damaged" in err, f"{what}: compact ends with {status}")
for file in segments(copy("hurt")):
    os.remove(file)
status, out, err = run("find", "--store", "hurt")
check(status == 3 and out.count("DAMAGED: ") == len(segments("sound")), "an empty rest is not told")
status, out, err = run(*questions("hurt")["back"])
check(status == 3 and out == "" and "DAMAGED: " in err, "a start that is lost is told as one that is not there")

# ---- Catalogs: of several stores one is passed over, alone it stops the command in one line
with open(copy("hurt") + "/catalog/data.mdb", "r+b") as file:
    file.write(b"\xff" * 8192)
for words in questions("hurt").values():
    status, out, err = run(*words)
    check(status == 3 and not out and len(err.splitlines()) == 1 and "hurt" in err, f"a damaged catalog: {status} {err}")
alone = run("find", "--store", "sound", "--output", "json")
status, out, err = run("find", "--store", "hurt", "--store", "sound", "--output", "json")
answer = json.loads(out)
check(status == 3 and answer["damage"][0]["store"] == "hurt" and not answer["complete"], "a lost store is not told")
check(answer["entities"] == json.loads(alone[1])["entities"], "a lost store takes another with it")
status, out, err = run("store", "stat", "--store", "sound", "--store", "hurt")
check(status == 3 and out.startswith("DAMAGED: hurt: "), f"stat of two: {status} {out[:100]} {err}")
status, out, err = run("store", "verify", "--store", "hurt")
check(status == 3 and out.startswith("catalog: damaged"), f"verify of a damaged catalog: {status} {out[:200]} {err}")

print("failures:", failures)
sys.exit(1 if failures else 0)
