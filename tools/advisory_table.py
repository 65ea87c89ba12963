#!/usr/bin/env python3
"""The table of TensorFlow's security advisories: what Segwhy says of each native death, against what is known.

usage: advisory_table.py [--cases FILE] [--env tf-2.4.1 ...] [--only ID ...] [--out FILE] [--jobs N] [--strict]
                         [--protect MODE]

For each record and environment the program runs plainly and under `segwhy run`. A native death counts as right when the
class fits the advisory's and the way it died, the op is the record's, its inputs' types and shapes are those that
TensorFlow itself tells in another run (op_inputs.py; left out where the death is in no op that is called eagerly), the
line is one of the program's, and the exit status is the plain one. A run that does not die natively must show the same status and output and no report, unless the
report is of the memory error that the advisory is about (a silent one that was found).

A wrong access that the heap's protection stopped (docs/heap.md) ends the program there and then, of SIGSEGV; plainly it
may go on or be ended later by somebody who noticed the damage. The status then differs and is counted so; beside it
stands how many of the differing ones are of this kind, proven by a certain verdict and the protected page it names.
And one that plainly dies of the damage may outlive it, because the protected heap puts nothing of anybody's where the
write goes: its status differs, too, its verdict is judged as that of a run that went on, and it is proven where the
report names the error. --protect off shows the status of the same programs without the protection.
Prints one line a record that falls short and a summary per environment; --strict: status 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import re
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import case_runner  # noqa: E402
import environments  # noqa: E402
import op_inputs  # noqa: E402

DEFAULT_CASES = environments.ROOT.parent / "shared" / "cases" / "tensorflow-advisories.jsonl"
OUT_OF_BOUNDS = ("out-of-bounds-read", "out-of-bounds-write")
MEMORY = {"null-pointer", "wild-pointer", "use-after-free", "bad-jump", "write-to-read-only", *OUT_OF_BOUNDS}
HEAP = {"heap-corruption", "double-free", "invalid-free"}
ADVISORY_MEMORY = {"oob-read", "oob-write", "uninit"}
PLAIN_TRIES = 8
GOALS = {"class": 0.95, "op": 0.98, "inputs": 0.9, "line": 1.0, "status": 1.0}


def acceptable_classes(died_by: int, stderr: str) -> set[str]:
    """Classes that can be true of a death, from how the *plain* run ended: its signal and what it printed.

    The advisory's own class names the root, which can surface elsewhere (an overflow in a shape ends in a CHECK), so the
    plain run's account decides, and a memory fault may be any of the memory classes that the verdict can defend.
    """
    if died_by == signal.SIGFPE:
        return {"divide-by-zero"}
    if died_by == signal.SIGILL:
        return {"illegal-instruction", "trap"}
    if died_by == signal.SIGABRT:
        if "Check failed" in stderr or re.search(r"^.{0,40}: F .*\] ", stderr, re.M):
            return {"check-failed"}
        if "terminate called" in stderr:
            return {"uncaught-exception", "allocation-failed"}
        if re.search(r"free\(\)|malloc|corrupted|realloc\(\)|munmap_chunk", stderr):
            return HEAP | set(OUT_OF_BOUNDS)
        return {"abort", "assertion", *HEAP}
    return set(MEMORY)


def class_is_right(record: dict, plain: case_runner.Outcome, verdict: dict) -> bool:
    accepted = acceptable_classes(-plain.status, plain.stderr)
    named = verdict["class"]
    if named not in accepted:
        return False
    advisory = {record["advisory_class"], *(record["also"] or [])}
    alternatives = {a["class"] if isinstance(a, dict) else a for a in verdict["alternatives"]}
    bounds_only = advisory <= {"oob-read", "oob-write"}
    # An out-of-bounds access without block history is a wild pointer that says so.
    if bounds_only and named == "wild-pointer":
        return verdict["confidence"] != "certain" and bool(alternatives & set(OUT_OF_BOUNDS))
    return True


def op_is_right(record: dict, incident: dict) -> bool:
    said = incident.get("framework", {}).get("op", "")
    wanted = record["op"]
    if not wanted.startswith("tf."):
        return said == wanted
    # An API: the op that it runs carries its name, written together ("tf.strings.substr": Substr).
    if said and f"{said.lower()} kernel" in record["kernel_source"].lower().replace("tf.", ""):
        return True
    flat = re.sub(r"[^a-z0-9]", "", said.lower())
    parts = [re.sub(r"[^a-z0-9]", "", p) for p in wanted.lower().split(".")[1:]]
    return bool(flat) and any(flat in p or p in flat for p in (parts[-1], "".join(parts), "".join(parts[-2:])))


def line_is_right(record: dict, incident: dict) -> bool:
    where = incident.get("where") or {}
    lines = record["program"].split("\n")
    line = where.get("line") or 0
    if not str(where.get("file", "")).endswith("main.py") or not 1 <= line <= len(lines):
        return False
    return "import tensorflow" not in lines[line - 1] and bool(lines[line - 1].strip())


def inputs_are_right(record: dict, python: Path, framework: dict) -> bool | None:
    """None: what is right is not known, because the program does not die in the record's op when it is called eagerly."""
    truth = op_inputs.inputs_of_last_op(python, record["program"])
    if truth is None or not op_is_right(record, {"framework": truth}):
        return None
    return op_inputs.agree(truth, framework)


def run_both(
    python: Path, files: dict[str, str], options: list[str]
) -> tuple[case_runner.Outcome, case_runner.Outcome]:
    """A plain run and one under Segwhy. A memory error can end in several ways: where the two differ, plain runs are
    repeated until one ends as the other did, and the last one stands when none does."""
    seen = case_runner.run_case(python, files, under_segwhy=True, options=options)
    for _ in range(PLAIN_TRIES):
        plain = case_runner.run_case(python, files, under_segwhy=False)
        if plain.status == seen.status:
            break
    return plain, seen


def stopped_by_protection(seen: case_runner.Outcome) -> bool:
    """The wrong access hit a page that only the heap's protection makes inaccessible, and the verdict proves it."""
    incident = seen.incident or {}
    verdict = incident.get("verdict", {})
    block = incident.get("block") or {}
    on_protected_page = block.get("place") == "guard" or (block.get("place") == "inside" and block.get("state") == "freed")
    proven = verdict.get("confidence") == "certain" and verdict.get("class") in {"use-after-free", *OUT_OF_BOUNDS}
    return seen.status == -signal.SIGSEGV and on_protected_page and proven


def found_silently(record: dict, incident: dict) -> bool:
    """A memory error that the program survived, of the kind that the advisory is about."""
    advisory = {record["advisory_class"], *(record["also"] or [])}
    return bool(advisory & ADVISORY_MEMORY) and incident.get("verdict", {}).get("class") in MEMORY | HEAP


def judge(record: dict, python: Path, options: list[str]) -> dict:
    files = {"main.py": record["program"]}
    plain, seen = run_both(python, files, options)
    row = {"id": record["id"], "op": record["op"], "advisory": record["advisory_class"], "plain": plain.status}
    row["stopped"] = plain.status != seen.status and stopped_by_protection(seen)
    row["status"] = plain.status == seen.status
    row["outlived"] = plain.status is not None and plain.status < 0 and seen.status is not None and seen.status >= 0
    # A silent one that was stopped is judged as the death that it became.
    went_on = plain.status is None or plain.status >= 0 or row["outlived"]
    if not row["stopped"] and went_on:
        said = (seen.incident or {}).get("verdict", {}).get("class", "ok")
        reported = any(line.startswith("segwhy:") for line in seen.stderr.splitlines())
        row["found"] = reported and found_silently(record, seen.incident or {})
        row["quiet"] = row["found"] or (not reported and said in ("ok", "python-exception", "allocation-failed"))
        row["same_output"] = row["outlived"] or plain.stdout == seen.stdout
        return row
    incident = seen.incident or {"verdict": {"class": "(no report)", "confidence": "", "alternatives": []}}
    verdict = incident["verdict"]
    row.update(
        said=verdict["class"],
        confidence=verdict["confidence"],
        said_op=incident.get("framework", {}).get("op", ""),
        where=(incident.get("where") or {}).get("line"),
        ms=incident.get("timing", {}).get("total_ms"),
        died=True,
    )
    # Stopped at the access itself, not where the damage would have been noticed: the protected page is the proof.
    row["class"] = row["stopped"] or class_is_right(record, plain, verdict)
    row["op_right"] = op_is_right(record, incident)
    row["inputs_right"] = inputs_are_right(record, python, incident.get("framework") or {})
    row["said_inputs"] = op_inputs.told(incident.get("framework") or {})
    row["line"] = line_is_right(record, incident)
    row["certain_wrong"] = verdict["confidence"] == "certain" and not row["class"]
    return row


def summary(name: str, rows: list[dict]) -> tuple[str, bool]:
    died = [r for r in rows if r.get("died")]
    others = [r for r in rows if not r.get("died")]

    known = [r for r in died if r["inputs_right"] is not None]

    def share(key: str, among: list[dict]) -> float:
        return sum(bool(r[key]) for r in among) / len(among) if among else 1.0

    figures = {
        "class": share("class", died),
        "op": share("op_right", died),
        "inputs": share("inputs_right", known),
        "line": share("line", died),
        "status": share("status", rows),
    }
    wrong = sum(r["certain_wrong"] for r in died)
    quiet = share("quiet", others), share("same_output", others)
    stopped = sum(r["stopped"] for r in rows)
    outlived = sum(r["outlived"] for r in rows)
    proven = sum(r["outlived"] and r.get("found", False) for r in rows)
    found = sum(r.get("found", False) for r in others)
    times = sorted(r["ms"] for r in died if r.get("ms"))
    median = f"{times[len(times) // 2]:.0f} ms" if times else "-"
    text = (
        f"{name}: {len(died)} native deaths of {len(rows)}, the inputs known of {len(known)}; "
        + ", ".join(f"{k} {v:.1%}" for k, v in figures.items())
        + f" ({stopped} that differ were stopped at the wrong access by the protection, {outlived} outlived it, {proven} of them reported); certain and wrong {wrong}; "
        + f"others quiet {quiet[0]:.1%} ({found} survived a memory error that was found), same output {quiet[1]:.1%}; "
        + f"signal to verdict, median {median}"
    )
    # What the protection is for is no fault of the status.
    kept = sum(r["status"] or r["stopped"] or (r["outlived"] and r.get("found", False)) for r in rows)
    explained = {**figures, "status": kept / len(rows) if rows else 1.0}
    met = all(explained[k] >= GOALS[k] for k in GOALS) and wrong == 0 and quiet == (1.0, 1.0)
    return text, met


def short_of(row: dict) -> str:
    keys = ("class", "op_right", "inputs_right", "line", "status") if row.get("died") else ("status", "quiet", "same_output")
    return " ".join(k for k in keys if row[k] is False)


def table_parser(description: str) -> argparse.ArgumentParser:
    """What every table of the advisories can be asked."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, default=DEFAULT_CASES)
    parser.add_argument("--env", nargs="+", default=environments.tensorflows())
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--out", type=Path, help="every row as JSON lines")
    parser.add_argument("--strict", action="store_true")
    return parser


def main() -> int:
    parser = table_parser(__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--protect", default="", help="the mode of `segwhy run --protect`; its default when not given")
    options = parser.parse_args()
    protect = ["--protect", options.protect] if options.protect else []
    records = case_runner.load_records(options.cases, options.only)
    out = options.out.open("w") if options.out else None
    all_met = True
    for name in options.env:
        python = environments.environment(name)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            rows = list(pool.map(lambda r: judge(r, python, protect), records))
        for row in rows:
            if out:
                out.write(json.dumps({"env": name, **row}) + "\n")
            if short_of(row):
                print(f"  {name} {row['id']} [{short_of(row)}] {({k: v for k, v in row.items() if k not in ('id',)})}")
        text, met = summary(name, rows)
        all_met &= met
        print(text, flush=True)
    return 0 if all_met or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main())
