#!/usr/bin/env python3
"""The advisories' calls as programs really make them: inside functions, pipelines, layers and loops.

usage: wrapped_table.py [--cases FILE] [--env tf-2.4.1 ...] [--only ID ...] [--wrapping NAME ...] [--out FILE] [--strict]

Each record whose program is imports, values and one call at the end is written anew with that call inside a function of
tf.function, of tf.data's map, of a Keras layer in model.fit, and of tf.while_loop, and runs under `segwhy run`. For those
that die natively the op and the line of the call inside the function have to be named: as the line that the report
gives, and, where the kernel ran in a graph, as the line that created its node. A program that makes its call in a
function of its own already is left out. Prints one line a row that falls short and a summary per environment and
wrapping; --strict: status 1 when a goal is missed.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import advisory_table  # noqa: E402
import case_runner  # noqa: E402
import environments  # noqa: E402
import op_inputs  # noqa: E402

GOALS = {"op_right": 0.95, "inputs_right": 0.9, "line_right": 0.95, "no_other_line": 0.95}
# {call} is the advisory's call, in one line. What it returns is not used by what follows but printed to nowhere: an op
# with a side effect, so that no optimiser takes the node away (a control dependency alone it does take away).
WRAPPINGS = {
    "function": """
@tf.function
def body():
    return {call}
body()
""",
    "map": """
def body(x):
    made = {call}
    tf.print(tf.nest.flatten(made), output_stream="file:///dev/null")
    return x
for element in tf.data.Dataset.range(2).map(body):
    pass
""",
    "layer": """
class Layer(tf.keras.layers.Layer):
    def call(self, x):
        made = {call}
        tf.print(tf.nest.flatten(made), output_stream="file:///dev/null")
        return x
model = tf.keras.Sequential([Layer(), tf.keras.layers.Dense(1)])
model.compile(loss="mse")
model.fit(tf.zeros([4, 3]), tf.zeros([4, 1]), verbose=0)
""",
    "while": """
def body(i):
    made = {call}
    tf.print(tf.nest.flatten(made), output_stream="file:///dev/null")
    return [i + 1]
@tf.function
def loop():
    return tf.while_loop(lambda i: i < 2, body, [tf.constant(0)])
loop()
""",
}


def wrapped(program: str, wrapping: str) -> tuple[str, int] | None:
    """The program with its last call wrapped, and the call's line. None where the program has no such form."""
    statements = ast.parse(program).body
    *before, last = statements
    if not isinstance(last, ast.Expr) or any(isinstance(s, ast.FunctionDef) for s in before):
        return None
    prelude = "\n".join(ast.unparse(s) for s in before)
    text = prelude + WRAPPINGS[wrapping].format(call=ast.unparse(last))
    at = WRAPPINGS[wrapping].split("{call}")[0].count("\n")
    return text, prelude.count("\n") + 1 + at


def judge(record: dict, wrapping: str, python: Path) -> dict | None:
    made = wrapped(record["program"], wrapping)
    if made is None:
        return None
    program, line = made
    seen = case_runner.run_case(python, {"main.py": program}, under_segwhy=True)
    row = {"id": record["id"], "op": record["op"], "wrapping": wrapping, "status": seen.status}
    row["died"] = seen.status is not None and seen.status < 0
    if not row["died"]:
        return row
    incident = seen.incident or {"verdict": {"class": "(no report)", "confidence": ""}}
    framework = incident.get("framework") or {}
    created = framework.get("created_at") or {}
    where = incident.get("where") or {}
    row.update(
        said=incident["verdict"]["class"],
        confidence=incident["verdict"]["confidence"],
        said_op=framework.get("op", ""),
        phase=framework.get("phase", ""),
        where=where.get("line"),
        created_at=created.get("line"),
        wanted=line,
        notes=framework.get("notes", []),
    )
    row["op_right"] = advisory_table.op_is_right(record, incident)
    row["inputs_right"] = advisory_table.inputs_are_right(record, python, framework)
    row["said_inputs"] = op_inputs.told(framework)
    # A node that is being built or called eagerly has its line on the stack; one that runs in a graph was created there.
    row["line_right"] = line in (row["where"], row["created_at"])
    row["no_other_line"] = row["created_at"] in (None, line)
    return row


def short_of(row: dict) -> str:
    return " ".join(k for k in GOALS if row["died"] and row[k] is False)


def summary(name: str, wrapping: str, rows: list[dict]) -> tuple[str, bool]:
    died = [r for r in rows if r["died"]]
    shares = {}
    for key in GOALS:
        known = [r[key] for r in died if r[key] is not None]
        shares[key] = sum(known) / len(known) if known else 1.0
    text = ", ".join(f"{k.replace('_', ' ')} {v:.1%}" for k, v in shares.items())
    return f"{name} {wrapping}: {len(died)} native deaths of {len(rows)}; {text}", all(shares[k] >= GOALS[k] for k in GOALS)


def main() -> int:
    parser = advisory_table.table_parser(__doc__)
    parser.add_argument("--wrapping", nargs="+", choices=WRAPPINGS, default=list(WRAPPINGS))
    options = parser.parse_args()
    records = case_runner.load_records(options.cases, options.only)
    out = options.out.open("w") if options.out else None
    all_met = True
    for name in options.env:
        python = environments.environment(name)
        for wrapping in options.wrapping:
            rows = []
            for record in records:
                row = judge(record, wrapping, python)
                if row is None:
                    continue
                rows.append(row)
                if out:
                    print(json.dumps({"env": name, **row}), file=out, flush=True)
                if short_of(row):
                    print(f"  {name} {wrapping} {row['id']} [{short_of(row)}] {row}", flush=True)
            text, met = summary(name, wrapping, rows)
            all_met &= met
            print(text, flush=True)
    return 0 if all_met or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main())
