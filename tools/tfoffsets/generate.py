#!/usr/bin/env python3
"""Makes src/frameworks/tensorflow/layout_table.inc from the headers inside TensorFlow wheels.

    pip download --no-deps --only-binary=:all: --python-version 3.8 -d wheels tensorflow-cpu==2.8.0     (one per minor)
    tools/tfoffsets/generate.py wheels/*.whl > src/frameworks/tensorflow/layout_table.inc

Each argument is a wheel or an installed `tensorflow` package folder. For each, probe.cc is compiled against the wheel's
own include/ with the language standard and string ABI that its binary shows, and run; nothing of TensorFlow is executed.
Members move with minor versions only, so one patch of each minor stands for it. Needs g++ (any that knows C++17).
"""

import argparse
import pathlib
import re
import subprocess
import tempfile
import textwrap
import zipfile

HERE = pathlib.Path(__file__).parent
LIBRARY = "tensorflow/libtensorflow_framework.so.2"
# The probe calls nothing of TensorFlow, though its headers mention much: undefined symbols become null in a static link.
UNLINKED = ["-static", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections,--unresolved-symbols=ignore-all"]


def unpack(source: pathlib.Path, into: pathlib.Path) -> pathlib.Path:
    """The folder of the `tensorflow` package: `source` itself, or what matters of a wheel unpacked under `into`."""
    if source.is_dir():
        return source
    with zipfile.ZipFile(source) as wheel:
        names = [n for n in wheel.namelist() if n.startswith("tensorflow/include/") or n == LIBRARY]
        wheel.extractall(into, names)
    return into / "tensorflow"


def version_of(source: pathlib.Path) -> tuple:
    names = [source.name] if source.is_file() else [path.name for path in source.parent.glob("*.dist-info")]
    for name in names:
        found = re.match(r"tensorflow(?:_cpu)?-(\d+)\.(\d+)\.(\d+)", name)
        if found:
            return tuple(int(part) for part in found.groups())
    raise SystemExit(f"{source}: no TensorFlow version in {names}")


def build_flags(package: pathlib.Path) -> list:
    """How the wheel was compiled, read off its symbol names: both choices decide the layout of members."""
    library = (package / pathlib.Path(LIBRARY).name).read_bytes()
    standard = "c++17" if b"St17basic_string_view" in library else "c++14"
    new_string = b"DebugStringB5cxx11" in library
    return [f"-std={standard}", f"-D_GLIBCXX_USE_CXX11_ABI={int(new_string)}"]


def probe(source: pathlib.Path, compiler: str) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        package = unpack(source, pathlib.Path(scratch))
        program = pathlib.Path(scratch) / "probe"
        command = [compiler, *build_flags(package), "-DNDEBUG", "-fno-access-control", "-w", f"-I{package / 'include'}",
                   str(HERE / "probe.cc"), "-o", str(program), "-O1", *UNLINKED]
        subprocess.run(command, check=True)
        lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    return {key: int(value) for key, value in (line.split() for line in lines)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", type=pathlib.Path)
    parser.add_argument("--compiler", default="g++")
    args = parser.parse_args()

    print("// Made by tools/tfoffsets/generate.py from the headers of the wheels named; do not edit.")
    for version, source in sorted((version_of(source), source) for source in args.sources):
        layout = probe(source, args.compiler)
        fields = ", ".join(f".{key} = {value}" for key, value in layout.items())
        entry = f"{{.major = {version[0]}, .minor = {version[1]}, {fields}}},"
        print(f"// tensorflow {'.'.join(map(str, version))}")
        print("\n".join(textwrap.wrap(entry, width=118, subsequent_indent=" ", break_on_hyphens=False)))


if __name__ == "__main__":
    main()
