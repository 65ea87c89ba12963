"""Segwhy says why a Python program died natively. The command is `segwhy`; `python -m segwhy` runs the same."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__: str = version("segwhy")
except PackageNotFoundError:  # imported from a source tree that is not installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
