"""read_toml: the tables of a TOML file, with or without a byte-order mark."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from neurokit.system.file_kinds import recognise

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of the file; a byte-order mark, which editors on Windows write, is skipped.

    Raises ValueError, which says why, for a file that is none, and OSError for one that cannot be read.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        kind = recognise(path)
        if kind is None:
            raise ValueError(f"it is not text in UTF-8 ({error}). To mend it, save it as UTF-8.") from None
        raise ValueError(f"it is {kind.what}. To mend it, {kind.remedy('name a TOML file, saved in UTF-8')}.") from None
    except tomllib.TOMLDecodeError as error:
        kind = recognise(path)
        if kind is None or kind.what == "text":
            raise ValueError(str(error)) from None
        raise ValueError(
            f"it is {kind.what} ({error}). To mend it, {kind.remedy('name a TOML file, saved in UTF-8')}."
        ) from None


def value_of(text: str) -> Any:
    """A value in TOML's notation, or the word itself where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
