"""What TensorFlow itself gives an eager op: the truth that the tables hold a report's inputs against.

A program runs plainly, without Segwhy, with two functions of TensorFlow's wrapped from Python: the fast way of calling an
op refuses, so that every op takes the slow one, and there the inputs are tensors, whose types and shapes TensorFlow is
asked for. The last op before the end is the one that ended the program, where it died natively.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import case_runner

MARK = "op-inputs: "
# Runs in front of the program, in its process.
LISTENER = f"""
def _listen():
    import json, os
    from tensorflow.python import pywrap_tfe
    from tensorflow.python.eager import core
    execute = pywrap_tfe.TFE_Py_Execute

    def refuse(*arguments, **named):
        raise core._FallbackException("the slow way is wanted")

    def tell(context, device, op, inputs, *rest):
        given = [[t.dtype.name, None if t.dtype.name == "resource" else t.shape.as_list()] for t in inputs]
        name = op.decode() if isinstance(op, bytes) else op
        os.write(1, ("\\n{MARK}" + json.dumps({{"op": name, "inputs": given}}) + "\\n").encode())
        return execute(context, device, op, inputs, *rest)

    pywrap_tfe.TFE_Py_FastPathExecute = refuse
    pywrap_tfe.TFE_Py_Execute = tell


_listen()
"""


@functools.cache
def inputs_of_last_op(python: Path, program: str) -> dict | None:
    """{"op": its type, "inputs": [[dtype, shape], ...]} of the op in which the program died; None: it did not, or in
    none that was called eagerly. A resource's shape is None: a handle says nothing of what it stands for."""
    seen = case_runner.run_case(python, {"main.py": LISTENER + program}, under_segwhy=False)
    told = [line.removeprefix(MARK) for line in seen.stdout.splitlines() if line.startswith(MARK)]
    died = seen.status is not None and seen.status < 0
    return json.loads(told[-1]) if died and told else None


def told(framework: dict) -> list[list]:
    """A report's inputs in the same form."""
    return [[i.get("dtype"), i.get("shape")] for i in framework.get("inputs", [])]


def agree(truth: dict, framework: dict) -> bool:
    """Has the report the truth's inputs, each with its type and shape. Inputs that TensorFlow adds of its own accord
    (to an op that it runs in the other's place) are behind those that were given."""
    said = told(framework)
    given = truth["inputs"]
    in_place_of = any(" in place of " in note for note in framework.get("notes", []))
    if len(said) < len(given) or (len(said) > len(given) and not in_place_of):
        return False
    return all(
        said_dtype == dtype and (shape is None or said_shape == shape)
        for (said_dtype, said_shape), (dtype, shape) in zip(said, given, strict=False)
    )
