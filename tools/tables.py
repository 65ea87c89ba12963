#!/usr/bin/env python3
"""Both case tables, held to their goals. Skipped with a printed reason where the case files are not at hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
CASES = TOOLS.parent.parent / "shared" / "cases"


def main() -> int:
    status = 0
    for table, cases in (("advisory_table.py", "tensorflow-advisories.jsonl"), ("wild_table.py", "wild.jsonl")):
        if not (CASES / cases).exists():
            print(f"tables: skipped {table}: no {cases} beside this checkout (../shared/cases)")
            continue
        print(f"--- {table}", flush=True)
        status |= subprocess.run([sys.executable, TOOLS / table, "--strict"], check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
