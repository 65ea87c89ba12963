"""Programs in C and C++, without any Python: what the report says of bad ones, and that good ones get none."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from segwhy_command import segwhy_or_skip

PRELUDE = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
"""


@dataclass
class Program:
    """`body` is main()'s, one statement a line; the line that contains `MARK` is the one to be named."""

    name: str
    body: str
    mode: str
    verdict: str
    block: int | None = None  # size in bytes

    def source(self) -> str:
        return PRELUDE + "int main(int argc, char** argv) {\n" + self.body + "\nreturn 0;\n}\n"

    def line(self) -> int:
        return next(i for i, text in enumerate(self.source().split("\n"), 1) if "MARK" in text)


BAD = [
    Program("null", "int* p = argc > 99 ? &argc : 0;\n*p = 1;  // MARK", "tensors", "null-pointer"),
    Program("divide", "printf(\"%d\", 10 / (argc - 1));  // MARK", "tensors", "divide-by-zero"),
    Program("overflow", "char* p = malloc(10);\nmemset(p, 65, 100);  // MARK\nfree(p);", "all", "out-of-bounds-write", 10),
    Program("overread", "char* p = malloc(48);\nputchar(p[48] + p[60]);  // MARK\nfree(p);", "all", "out-of-bounds-read", 48),
    Program("use-after-free", "int* p = malloc(40);\nfree(p);\nprintf(\"%d\", p[3]);  // MARK", "all", "use-after-free", 40),
    Program("double-free", "char* p = malloc(24);\nfree(p);\nfree(p);  // MARK", "all", "double-free", 24),
    Program("free-inside", "char* p = malloc(24);\nfree(p + 8);  // MARK", "all", "invalid-free", 24),
    Program("free-local", "char p[64];\nmemset(p, argc, 64);\nfree(p + 16);  // MARK", "all", "invalid-free"),
    Program("double-free-exact", "char* p = malloc(24);\nfree(p);\nfree(p);  // MARK", "exact", "double-free", 24),
    Program("free-inside-exact", "char* p = malloc(24);\nfree(p + 8);  // MARK", "exact", "invalid-free", 24),
    Program("underread", "char* p = malloc(100);\nmemset(p, 1, 100);\nputchar(p[-4]);  // MARK\nfree(p);", "exact", "out-of-bounds-read", 100),
    Program("one-byte", "char* p = malloc(21);\nmemset(p, 1, 21);\nputchar(p[21]);  // MARK\nfree(p);", "exact", "out-of-bounds-read", 21),
]

GOOD = """char* text = strdup("some text");
char* grown = realloc(text, 5000);
strcat(grown, " and more");
puts(grown);
int* numbers = calloc(100, sizeof(int));
for (int i = 0; i < 100; ++i) numbers[i] = i;
printf("%d %s\\n", numbers[99], getenv("HOME") ? "home" : "no home");
char* copy = malloc(strlen(grown) + 1);
strcpy(copy, grown);
free(grown), free(numbers), free(copy), free(0);
char* empty = malloc(0);
free(empty);"""


def build(folder: Path, source: str) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    (folder / "program.c").write_text(source)
    flags = ["-g", "-O0", "-w", "-fno-stack-protector", "-U_FORTIFY_SOURCE"]
    subprocess.run([compiler, *flags, "program.c", "-o", "program"], cwd=folder, check=True)
    return folder / "program"


def run(folder: Path, program: Path, mode: str) -> tuple[subprocess.CompletedProcess, dict]:
    report = folder / "incident.json"
    argv = [segwhy_or_skip(), "run", "--protect", mode, "--json", str(report), "--", str(program)]
    result = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120)
    return result, json.loads(report.read_text())


@pytest.mark.parametrize("program", BAD, ids=lambda p: p.name)
def test_bad_program_is_explained_with_its_line(program: Program, tmp_path: Path) -> None:
    _, incident = run(tmp_path, build(tmp_path, program.source()), program.mode)
    assert incident["verdict"]["class"] == program.verdict
    assert incident["where"]["file"].endswith("program.c")
    assert incident["where"]["line"] == program.line()
    assert "MARK" in incident["where"]["source"]
    if program.block is not None:
        assert incident["block"]["size"] == program.block
        allocation = [f for f in incident["block"]["allocated"]["native"] if f.get("file", "").endswith("program.c")]
        assert allocation, "the line that allocated it"


@pytest.mark.parametrize("mode", ["off", "tensors", "exact", "all"])
def test_good_program_gets_no_report(mode: str, tmp_path: Path) -> None:
    program = build(tmp_path, Program("good", GOOD, mode, "ok").source())
    plain = subprocess.run([program], cwd=tmp_path, capture_output=True, text=True)
    result, incident = run(tmp_path, program, mode)
    assert (result.returncode, result.stdout, result.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert incident["verdict"]["class"] == "ok"


@pytest.mark.parametrize("call", ['system(strdup("echo done"))', 'execl("/bin/echo", strdup("echo"), strdup("done"), (char*)0)'])
def test_exact_mode_lets_arguments_on_the_heap_start_programs(call: str, tmp_path: Path) -> None:
    source = Program("starter", f"char* word = malloc(9);\nfree(word);\n{call};", "exact", "ok").source()
    result, incident = run(tmp_path, build(tmp_path, source), "exact")
    assert (result.returncode, result.stdout) == (0, "done\n")
    assert incident["verdict"]["class"] == "ok"
