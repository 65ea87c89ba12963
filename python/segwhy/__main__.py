"""`python -m segwhy ARGS` becomes `segwhy ARGS`, the command installed for this interpreter or else the one on PATH."""

import os
import shutil
import sys
import sysconfig
from typing import Optional


def find_command() -> Optional[str]:
    """Path of the segwhy command, None when there is none."""
    schemes = [None, "posix_user"]  # the interpreter's own scripts, then those of `pip install --user`
    folders = [sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts") for scheme in schemes]
    candidates = [os.path.join(folder, "segwhy") for folder in folders]
    return next((path for path in candidates if os.access(path, os.X_OK)), None) or shutil.which("segwhy")


def main() -> int:
    """Exit status 127 when there is no command; otherwise this process becomes it."""
    command = find_command()
    if command is None:
        print("segwhy: the command is not installed for this Python: run `pip install segwhy`", file=sys.stderr)
        return 127
    os.execv(command, [command, *sys.argv[1:]])  # does not return


if __name__ == "__main__":
    sys.exit(main())
