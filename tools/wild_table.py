#!/usr/bin/env python3
"""The table of real crashes of other packages: what Segwhy says of each, against the class of an ideal diagnosis.

usage: wild_table.py [--cases FILE] [--only ID ...] [--out FILE] [--strict]

A record is right when the verdict's class is its `slug` or one of `also`. A program that hangs plainly is ended by
SIGTERM after a while, as a user or a CI would. Prints a line a record, then the share; --strict: status 1 below 85 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import case_runner  # noqa: E402
import environments  # noqa: E402

DEFAULT_CASES = environments.ROOT.parent / "shared" / "cases" / "wild.jsonl"
HANG_SECONDS = "20"
GOAL = 0.85


def pip_requirements(record: dict) -> list[str]:
    """The record's requirements without those that name a Debian package."""
    return [r for r in record["requirements"] if not r.startswith("Debian ")]


def judge(record: dict) -> dict:
    row = {"id": record["id"], "slug": record["slug"], "also": record["also"]}
    try:
        python = environments.adhoc(record["python"], pip_requirements(record))
    except environments.EnvironmentUnavailable as error:
        return {**row, "skipped": str(error)}
    hangs = record["observed"].get("rc") is None
    wrap = ["timeout", "-s", "TERM", HANG_SECONDS] if hangs else record.get("wrap")
    shared = {"build": record.get("build"), "env": record.get("env"), "wrap": wrap}
    try:
        plain = case_runner.run_case(python, record["files"], under_segwhy=False, **shared)
        seen = case_runner.run_case(python, record["files"], under_segwhy=True, **shared)
    except subprocess.CalledProcessError as error:
        return {**row, "skipped": f"build failed: {error.stderr.decode(errors='replace')[-300:]}"}
    if plain.status != record["observed"].get("rc") and not hangs:
        # Another version of an unpinned dependency, or a race that was not lost this time: nothing to be judged.
        return {**row, "skipped": f"not reproduced: plain status {plain.status}, observed {record['observed'].get('rc')}"}
    incident = seen.incident or {}
    verdict = incident.get("verdict", {"class": "(no report)"})
    where = incident.get("where") or {}
    row.update(
        plain=plain.status,
        seen=seen.status,
        same_status=plain.status == seen.status,
        said=verdict["class"],
        confidence=verdict.get("confidence"),
        summary=verdict.get("summary"),
        line=where.get("line"),
        user_line=record["user_line"],
        right=verdict["class"] in (record["slug"], *record["also"]),
        ideal=verdict["class"] == record["slug"],
        ms=incident.get("timing", {}).get("total_ms"),
    )
    return row


def describe(row: dict) -> str:
    if "skipped" in row:
        return f"skip  {row['id']}: {row['skipped']}"
    mark = "ok   " if row["right"] else "WRONG"
    line = "" if row["line"] == row["user_line"] else f" line {row['line']} (user's: {row['user_line']})"
    status = "" if row["same_status"] else f" status {row['seen']} (plain {row['plain']})"
    return f"{mark} {row['id']}: {row['said']} ({row['confidence']}), ideal {row['slug']};{line}{status}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, default=DEFAULT_CASES)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--out", type=Path, help="every row as JSON lines")
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    records = case_runner.load_records(options.cases, options.only)
    out = options.out.open("w") if options.out else None
    rows = []
    for record in records:
        rows.append(judge(record))
        print(describe(rows[-1]), flush=True)
        if out:
            out.write(json.dumps(rows[-1]) + "\n")
    judged = [r for r in rows if "skipped" not in r]
    if not judged:
        print("no case could be run")
        return 1
    right = sum(r["right"] for r in judged)
    line = sum(r["line"] == r["user_line"] for r in judged)
    status = sum(r["same_status"] for r in judged)
    print(f"{right} of {len(judged)} classes right ({right / len(judged):.1%}), {sum(r['ideal'] for r in judged)} ideal; "
          f"user's line {line}; same status {status}; {len(rows) - len(judged)} skipped")
    return 0 if right / len(judged) >= GOAL or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main())
