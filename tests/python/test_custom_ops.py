"""Ten custom ops that go wrong, in Compute and on a pool thread: op, node, inputs, C++ line and Python line.

What is held against what is in tools/custom_ops_table.py, which also prints it as a table.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_tensorflow_ops import incident_of, tensorflow  # noqa: E402, F401

import custom_ops_table  # noqa: E402
import environments  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def library(tensorflow, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("wrong")
    return custom_ops_table.build_library(*tensorflow, custom_ops_table.SOURCE, folder)


@pytest.mark.parametrize("form", custom_ops_table.FORMS)
@pytest.mark.parametrize("place", custom_ops_table.PLACES)
@pytest.mark.parametrize("op", custom_ops_table.CLASSES)
def test_what_is_said_of_an_op_that_goes_wrong(tensorflow, library, op, place, form):  # noqa: F811
    row = custom_ops_table.judge(op, place, form, tensorflow[1], library)
    assert not custom_ops_table.short_of(row), row


@pytest.mark.parametrize(("built", "run"), [("tf-2.4.1", "tf-2.8.0"), ("tf-2.8.0", "tf-2.21.0"), ("tf-2.8.0", "tf-2.4.1")])
def test_a_library_built_for_another_tensorflow_is_an_abi_mismatch(built, run, tmp_path):
    interpreters = {name: environments.environments_root() / name / "bin" / "python" for name in (built, run)}
    for name, interpreter in interpreters.items():
        if not interpreter.exists():
            pytest.skip(f"no environment {name}: make it with tools/environments.py make {name}")
    other = custom_ops_table.build_library(built, interpreters[built], custom_ops_table.SOURCE, tmp_path)
    program = custom_ops_table.program_of(other, "DivideByZero", "compute", "eager")
    incident = incident_of(interpreters[run], program)
    assert incident["verdict"]["class"] == "abi-mismatch"
    assert other.name in incident["verdict"]["summary"]
    assert incident["where"]["line"] == 2
