"""Chips as data: what a core can hold, every number with its source.

>>> from neurokit.hw_configs import load_chip
>>> load_chip("loihi2").neurons_per_core.value
8192
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from neurokit.errors import NeurokitError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class ChipError(NeurokitError, ValueError):
    """A chip description cannot be read or is not valid."""


class Limit(BaseModel):
    """One number of a chip, with where it comes from and how far it can be trusted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: int
    source: str
    kind: Literal["published", "vendor-ratio", "fitted-loihi1", "inferred"]


class Chip(BaseModel):
    """What one core of a chip can hold. A limit that nobody has published is absent, not invented."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    cores: Limit
    neurons_per_core: Limit
    synapse_bytes_per_core: Limit
    weight_bits: Limit


def load_chip(name_or_path: str | Path) -> Chip:
    """A chip that ships with neurokit, by name, or a user's own TOML file, by path. Raises ChipError."""
    shipped = files(__package__)
    names = sorted(entry.name[:-5] for entry in shipped.iterdir() if entry.name.endswith(".toml"))
    if str(name_or_path) in names:
        text, where = (shipped / f"{name_or_path}.toml").read_text(encoding="utf-8"), str(name_or_path)
    else:
        where = str(name_or_path)
        try:
            text = Path(name_or_path).read_text(encoding="utf-8")
        except OSError as error:
            raise ChipError(
                f"no chip {where!r}: it is neither one that ships ({', '.join(names)}) nor a readable file ({error})."
            ) from None
    try:
        return Chip.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ChipError(f"the chip description {where!r} is not valid: {error}") from None
