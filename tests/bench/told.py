"""told: what the benchmarks found, beside what was asked of them, for one table at the end."""
import json
import os


def note(what, found, asked, holds):
    """One line of the table; printed at once where there is none ($BULKHEAD_BENCH_TABLE)."""
    path = os.environ.get("BULKHEAD_BENCH_TABLE")
    if not path:
        print(f"{what}: {found} ({asked})")
        return
    with open(path, "a") as f:
        f.write(json.dumps([what, found, asked, bool(holds)]) + "\n")


def table(path):
    with open(path) as f:
        rows = [json.loads(line) for line in f]
    wide = [max(len(r[i]) for r in rows) for i in range(3)]
    print("\n" + "what".ljust(wide[0]), "measured".rjust(wide[1]), "asked".ljust(wide[2]), sep="   ")
    for what, found, asked, holds in rows:
        print(what.ljust(wide[0]), found.rjust(wide[1]), asked.ljust(wide[2]), "" if holds else "not met", sep="   ")
