#!/usr/bin/env python3
"""Writes case.schema.json from case.h and its parts in src/evidence/model, where every field of a saved case is listed and described once.

    python3 docs/schema/generate.py

tests/python/test_schema.py fails when the file is not what this script writes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent.parent / "src" / "evidence" / "model"
HEADERS = [MODEL / name for name in ("case.h", "frames.h", "heap.h", "holders.h", "memory.h", "retracing.h")]
OUTPUT = HERE / "case.schema.json"

SCALARS = {
    "std::string": {"type": "string"},
    "bool": {"type": "boolean"},
    "double": {"type": "number"},
    "int": {"type": "integer"},
    "std::int64_t": {"type": "integer"},
    "std::uint32_t": {"type": "integer", "minimum": 0},
    "std::uint64_t": {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
    "Address": {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
}

STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.S | re.M)
# TYPE NAME [= VALUE] {, NAME [= VALUE]} ; [// COMMENT]
MEMBER = re.compile(r"^([\w:]+(?:<.+>)?) (\w+(?: = [^,;]+)?(?:, \w+(?: = [^,;]+)?)*);\s*(?://\s*(.*))?$")

# A type that the formatter left alone on a line, its member on the next.
LONG_TYPE = re.compile(r"^( +[\w:]+(?:<.+>)?)\n\s+(?=\w)", re.M)


def schema_of(cxx_type: str) -> dict:
    """The JSON form of a C++ type, as case_json.cc writes it."""
    if cxx_type in SCALARS:
        return dict(SCALARS[cxx_type])
    if match := re.fullmatch(r"std::optional<(.+)>", cxx_type):
        return schema_of(match[1])
    if match := re.fullmatch(r"std::vector<(.+)>", cxx_type):
        return {"type": "array", "items": schema_of(match[1])}
    if match := re.fullmatch(r"std::map<std::string, (.+)>", cxx_type):
        return {"type": "object", "additionalProperties": schema_of(match[1])}
    return {"$ref": f"#/$defs/{cxx_type}"}


def properties_of(body: str) -> dict:
    properties: dict[str, dict] = {}
    above: list[str] = []  # comment lines directly above a member
    members = LONG_TYPE.sub(r"\1 ", body.split("template <class V>")[0])
    for line in (raw.strip() for raw in members.splitlines()):
        if line.startswith("//"):
            above.append(line[2:].strip())
            continue
        if match := MEMBER.match(line):
            cxx_type, names, comment = match.groups()
            description = " ".join(filter(None, [*above, comment]))
            for name in (part.split("=")[0].strip() for part in names.split(",")):
                properties[name] = {**({"description": description} if description else {}), **schema_of(cxx_type)}
        elif line:
            raise SystemExit(f"not a member this script can read: {line}")
        above = []
    return properties


def generate() -> str:
    structs = {name: properties_of(body) for name, body in STRUCT.findall("".join(header.read_text() for header in HEADERS))}
    case = structs.pop("Case")
    case["schema"] = {"const": "segwhy.case/1"}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:segwhy:case:1",
        "title": "A saved case of Segwhy",
        "description": "All evidence about one incident, not judged. What is not known is absent; readers ignore keys "
        "they do not know. Integers go up to 2^64-1: read them with a parser that keeps them. Times are seconds or, "
        "where the name says so, milliseconds; sizes are bytes; lists of frames start with the innermost.",
        "type": "object",
        "required": ["schema"],
        "properties": case,
        "$defs": {name: {"type": "object", "properties": fields} for name, fields in structs.items()},
    }
    return json.dumps(schema, indent=1) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(generate())
