"""lib: running bulkhead as a user does, and saying what holds."""
import json
import os
import re
import sqlite3
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BULKHEAD_BUILD", "build"))
count = bad = 0


def ok(holds, sentence, *notes):
    global count, bad
    count += 1
    print(f"{'ok' if holds else 'not ok'} {count} - {sentence}", flush=True)
    if not holds:
        bad += 1
        for n in notes:
            for line in str(n).split("\n"):
                print(f"# {line}")


def done():
    print(f"1..{count}")
    return 1 if bad else 0


class Run:
    """One command to its end."""

    def __init__(self, *words, timeout=60, **more):
        r = subprocess.run([f"{BUILD}/bulkhead", *words], capture_output=True, timeout=timeout, **more)
        self.status, self.out, self.err = r.returncode, r.stdout.decode(), r.stderr.decode()

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"exit {self.status}\n{self.out}{self.err}"


def data(*names):
    return [f"{TOP}/tests/data/{n}.pcap" for n in names]


def version_1(path):
    """A database as the first version wrote it: by the statements of tests/unit/store_upgrade.c."""
    with open(f"{TOP}/tests/unit/store_upgrade.c") as f:
        source = f.read()
    db = sqlite3.connect(path)
    for name in "version_1", "rows":
        block = re.search(rf"static const char {name}\[\] =\n(.*?);\n\n", source, re.S)[1]
        block = re.sub(r"/\*.*?\*/", "", block)
        db.executescript("".join(json.loads(f'"{s}"') for s in re.findall(r'"((?:[^"\\]|\\.)*)"', block)))
    db.executescript(f"PRAGMA application_id={0x62684442}; PRAGMA user_version=1; PRAGMA journal_mode=WAL;")
    db.close()
