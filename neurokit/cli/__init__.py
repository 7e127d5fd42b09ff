"""The command line: the same words as the Python API, tables for people, `--json` for machines."""

from neurokit.cli.app import main

__all__ = ["main"]
