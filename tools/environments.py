#!/usr/bin/env python3
"""Makes the Python environments that tests and case tables run in, once each, under .envs/ or $SEGWHY_ENVS.

usage: environments.py make NAME...      (an environment of environments.toml, or all of them: --all)
                                        Where a Python is missing the environment is passed over with a word, except
                                        in CI ($CI is set), where that is a failure.
       environments.py python X.Y        (path of an interpreter of that version, status 1 when there is none)

As a module: find_python("3.8"), environment("tf-2.8.0"), adhoc(python="3.11", requirements=["numpy==1.24.4"]).
An environment is complete when its stamp file is there: a creation that was interrupted starts afresh.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = "segwhy-environment-complete"


class EnvironmentUnavailable(Exception):
    """No interpreter of the wanted version, or its packages do not install; the text says which and why."""


def environments_root() -> Path:
    return Path(os.environ.get("SEGWHY_ENVS", ROOT / ".envs"))


def _candidates(version: str) -> list[Path]:
    """Interpreters that may be of `version`, best first: SEGWHY_PYTHON38-like variables, pyenv's, then PATH."""
    found: list[Path] = []
    named = os.environ.get("SEGWHY_PYTHON" + version.replace(".", ""))
    if named:
        found.append(Path(named))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += sorted(pyenv.glob(version + ".*/bin/python"))
    for name in (f"python{version}", "python3"):
        on_path = shutil.which(name)
        if on_path:
            found.append(Path(on_path))
    return found


def find_python(version: str) -> Path | None:
    """The interpreter of `version` ("3.8") on this machine, or None."""
    check = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    for candidate in _candidates(version):
        result = subprocess.run([candidate, "-c", check], capture_output=True, text=True, check=False)
        if result.returncode == 0 and result.stdout.strip() == version:
            return candidate
    return None


def _install(folder: Path, interpreter: Path, requirements: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([interpreter, "-m", "venv", folder], check=True)
    if requirements:
        pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        # Packages of 2020 that come as source want a setuptools that still has pkg_resources.
        subprocess.run([*pip, "setuptools<70", "wheel"], check=True)
        subprocess.run([*pip, *requirements], check=True)
    (folder / STAMP).write_text("\n".join(requirements) + "\n")


def make(name: str, python: str, requirements: list[str]) -> Path:
    """Path of the environment's interpreter; creates the environment when it is not complete."""
    folder = environments_root() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(folder.suffix + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / STAMP
        if not stamp.exists() or stamp.read_text().split("\n")[:-1] != requirements:
            interpreter = find_python(python)
            if interpreter is None:
                raise EnvironmentUnavailable(f"no Python {python} on this machine (needed for {name})")
            try:
                _install(folder, interpreter, requirements)
            except (subprocess.CalledProcessError, OSError) as error:
                raise EnvironmentUnavailable(f"{name}: {' '.join(requirements)} did not install: {error}") from error
    return folder / "bin" / "python"


def tensorflows() -> list[str]:
    """Those that are for a version of TensorFlow."""
    return [name for name in listed() if name.startswith("tf-")]


def listed() -> dict[str, dict]:
    """The environments of environments.toml."""
    # tomllib came with 3.11, and pip has carried tomli since 21.2: no dependency of our own.
    try:
        import tomllib
    except ImportError:
        from pip._vendor import tomli as tomllib
    return tomllib.loads((ROOT / "tools" / "environments.toml").read_text())


def environment(name: str) -> Path:
    """The interpreter of a listed environment, made when needed."""
    return make(name, **listed()[name])


def adhoc(python: str, requirements: list[str]) -> Path:
    """The interpreter of an environment with just these requirements, shared by all who ask for the same."""
    if not requirements:
        found = find_python(python)
        if found is None:
            raise EnvironmentUnavailable(f"no Python {python} on this machine")
        return found
    for name, known in listed().items():
        if known["python"] == python and sorted(known["requirements"]) == sorted(requirements):
            return environment(name)
    key = hashlib.sha256("\n".join([python, *sorted(requirements)]).encode()).hexdigest()[:12]
    return make(f"case-{python}-{key}", python, sorted(requirements))


def make_listed(names: list[str]) -> int:
    """Makes environments; returns the command's status."""
    status = 0
    for name in names:
        try:
            print(environment(name), flush=True)
        except EnvironmentUnavailable as error:
            print(f"{'failed' if os.environ.get('CI') else 'passed over'}: {error}", file=sys.stderr)
            status = 1 if os.environ.get("CI") else status
    return status


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "python":
        found = find_python(arguments[1])
        print(found or f"no Python {arguments[1]} on this machine", file=sys.stdout if found else sys.stderr)
        return 0 if found else 1
    if len(arguments) >= 2 and arguments[0] == "make":
        names = list(listed()) if arguments[1] == "--all" else arguments[1:]
        unknown = [n for n in names if n not in listed()]
        if unknown:
            print(f"unknown environment: {', '.join(unknown)}; known: {', '.join(listed())}", file=sys.stderr)
            return 2
        return make_listed(names)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
