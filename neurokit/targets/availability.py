"""availability: which targets can run a Program here and now, and why not. Imports neither Lava nor torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from neurokit.targets.registry import TARGETS, TargetKind


@dataclass(frozen=True)
class Availability:
    """A target by its name on the command line and in Python.

    what       what runs there
    available  whether it can run here and now, as far as can be seen without starting anything
    why        in words
    """

    name: str
    python: str
    what: str
    available: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def availability(known: Mapping[str, tuple[bool, str]] = MappingProxyType({})) -> tuple[Availability, ...]:
    """Every registered target; of those that are `known` by name, whether they can run and why is taken from there.

    A chip that is not is looked for now, for a few seconds at most.
    """
    kinds: dict[str, TargetKind] = TARGETS.loaded()
    return tuple(
        Availability(name, kind.python, kind.what, *(known[name] if name in known else kind.available()))
        for name, kind in kinds.items()
    )
