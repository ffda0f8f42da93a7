"""Calls of the C library that fail in a program, by tests/lib/fault_shim.c, and what a store holds before and after."""
import os
import subprocess
import sys

BACKTRAIL, DUMP = os.environ["BACKTRAIL"], os.environ["BTR_DUMP_STORE"]
SHIM = os.environ.get("BTR_FAULT_SHIM", "")
DATA = os.path.join(os.environ["BTR_SOURCE_DIR"], "datasets", "web_cmdi")
SANITIZER_STATUS = 99
HANG_S = 120
ERRORS = {"EIO": 5, "ENOMEM": 12, "EAGAIN": 11, "EACCES": 13, "EMFILE": 24, "ENOSPC": 28, "ENOLCK": 37}


def environment(**fault):
    """Of a program in which calls fail: FAULT_... as tests/lib/faults.h has them; None leaves one out."""
    sanitizer = f"verify_asan_link_order=0:exitcode={SANITIZER_STATUS}:" + os.environ.get("ASAN_OPTIONS", "")
    given = {f"FAULT_{key.upper()}": str(value) for key, value in fault.items() if value is not None}
    return {**os.environ, "LD_PRELOAD": SHIM, "ASAN_OPTIONS": sanitizer, **given}


def run(words, env=None, stdin=None):
    with open(stdin or os.devnull, "rb") as source:
        return subprocess.run(words, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, check=False, timeout=HANG_S)


def told(done):
    return done.stderr.decode(errors="replace").strip()


def must(words, stdin=None):
    done = run(words, stdin=stdin)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: status {done.returncode}\n{told(done)}")
    return done.stdout


def dump(store):
    return b"\n".join(sorted(must([DUMP, store]).split(b"\n")))


def inputs_make(folder, hosts, parts, size):
    """The beginning of each host's log in so many rotated parts, with a line in each that does not decode: one host's are packed with
    zstd, one's with gzip."""
    os.makedirs(folder)
    for number, host in enumerate(hosts):
        with subprocess.Popen(["zstd", "-dcq", f"{DATA}/{host}.audit.log.zst"], stdout=subprocess.PIPE) as unpack:
            text = unpack.stdout.read(size)
            unpack.kill()
        text, begin = text[: text.rfind(b"\n") + 1], 0
        for part in range(parts):
            end = text.rfind(b"\n", 0, len(text) * (part + 1) // parts) + 1
            path = f"{folder}/{host}.audit.log" + (f".{parts - 1 - part}" if part < parts - 1 else "")
            with open(path, "wb") as out:
                out.write(text[begin:end] + b"what is this\n")
            begin = end
            if number < 2:
                must(["zstd", "-q", "--rm", path] if number == 0 else ["gzip", "-f", path])


def ingest(store, *inputs):
    return [BACKTRAIL, "ingest", "--store", store, "--hosts", f"{DATA}/hosts.json", "--quiet", "--segment-events", "60", *inputs]
