"""The JSON that Segwhy writes is what docs/schema/ says, and docs/schema/ is what the code writes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from segwhy_command import segwhy_or_skip

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "docs" / "schema"
GOLDEN = ROOT / "tests" / "golden"


def load(name: str) -> dict:
    return json.loads((SCHEMAS / name).read_text())


def strict(node, definition: bool = False):
    """The schema with objects closed where they are used: a key that is not documented is then an error.

    Not in the definitions themselves, which may be extended beside a $ref.
    """
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    definitions = {name: strict(schema, definition=True) for name, schema in node.get("$defs", {}).items()}
    out = {key: definitions if key == "$defs" else strict(value) for key, value in node.items()}
    refers = "#/$defs/" in node.get("$ref", "") and "/properties/" not in node["$ref"]
    if not definition and (refers or (node.get("type") == "object" and "properties" in node)):
        out["unevaluatedProperties"] = False
    return out


def strict_validator(name: str) -> Draft202012Validator:
    schemas = {schema["$id"]: strict(schema) for schema in (load("case.schema.json"), load("incident.schema.json"))}
    registry = Registry().with_resources((key, Resource.from_contents(schema)) for key, schema in schemas.items())
    return Draft202012Validator(schemas[f"urn:segwhy:{name}:1"], registry=registry)


def errors(document: dict, name: str) -> list[str]:
    found = strict_validator(name).iter_errors(document)
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in found]


def golden(pattern: str) -> list[Path]:
    return sorted(GOLDEN.glob(pattern))


INCIDENTS = [path for path in golden("*.json") if not path.name.endswith(".verdict.json")]


@pytest.mark.parametrize("name", ["case", "incident"])
def test_the_schemas_are_valid_schemas(name):
    Draft202012Validator.check_schema(load(f"{name}.schema.json"))


def test_the_case_schema_is_generated_from_the_header():
    spec = importlib.util.spec_from_file_location("generate", SCHEMAS / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (SCHEMAS / "case.schema.json").read_text() == generate.generate(), "run python3 docs/schema/generate.py"


@pytest.mark.parametrize("path", golden("*.case"), ids=lambda p: p.stem)
def test_golden_cases_are_cases(path):
    assert errors(json.loads(path.read_text()), "case") == []


@pytest.mark.parametrize("path", INCIDENTS, ids=lambda p: p.stem)
def test_golden_incidents_are_incidents(path):
    assert errors(json.loads(path.read_text()), "incident") == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.update(invented=1), "invented"),
        (lambda d: d["verdict"].update(invented=1), "invented"),
        (lambda d: d["threads"][0].update(invented=1), "invented"),
        (lambda d: d["threads"][0]["native"][0].update(invented=1), "invented"),
        (lambda d: d["death"].update(kind="boredom"), "boredom"),
        (lambda d: d["verdict"].update(confidence="sure"), "sure"),
        (lambda d: d.pop("timing"), "timing"),
        (lambda d: d["fault"].update(address=-1), "-1"),
        (lambda d: d["where"].update(line=None), "None"),
    ],
)
def test_what_is_not_in_the_schema_is_found(change, complaint):
    document = json.loads((GOLDEN / "wild-pointer.json").read_text())
    change(document)
    assert any(complaint in error for error in errors(document, "incident"))


@pytest.mark.parametrize("path", golden("*.case"), ids=lambda p: p.stem)
def test_a_saved_case_gives_an_incident_again(path, tmp_path):
    """GIVEN a saved case from elsewhere WHEN it is reported THEN the report is an incident about the same death."""
    report = tmp_path / "incident.json"
    done = subprocess.run(
        [segwhy_or_skip(), "report", "--json", str(report), str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(report.read_text())
    assert errors(document, "incident") == []
    assert document["death"]["kind"] == json.loads(path.read_text())["death"]["kind"]


def test_a_real_crash_gives_an_incident_and_a_case(tmp_path):
    (tmp_path / "main.py").write_text("import ctypes\nctypes.string_at(8)\n")
    report, case = tmp_path / "incident.json", tmp_path / "saved.case"
    command = [segwhy_or_skip(), "run", "--json", str(report), "--case", str(case), "--", sys.executable, "main.py"]
    seen = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120)
    assert report.exists(), seen.stderr.decode(errors="replace")
    assert errors(json.loads(report.read_text()), "incident") == []
    assert errors(json.loads(case.read_text()), "case") == []
