"""The tables that can be reproduced, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from neurokit.errors import RunError, explain
from neurokit.reproduce.row import Row


def _rfg() -> tuple[Row, ...]:
    from neurokit.reproduce import mexican_hat, poisson, reaction_diffusion

    return (*mexican_hat.ROWS, *poisson.ROWS, *reaction_diffusion.ROWS)


def _quantization() -> tuple[Row, ...]:
    from neurokit.reproduce import quantization

    return quantization.ROWS


#: Rows of every table; rows are made when asked for, because they import what they train.
TABLES: dict[str, Callable[[], tuple[Row, ...]]] = {"rfg": _rfg, "quantization": _quantization}


def picture(name: str) -> Callable[[Sequence[Mapping[str, Any]], Path, float], None]:
    """What draws the records of a table: learning curves, unless the table has a picture of its own."""
    if name == "quantization":
        from neurokit.reproduce import quantization

        return quantization.draw
    from neurokit.reproduce.summary import draw

    return draw


def rows(name: str, pattern: str = "*") -> tuple[Row, ...]:
    """The rows of the table `name` whose names match `pattern`, in which `*` stands for anything.

    Raises RunError when there is no such table, or no such row in it.
    """
    if name not in TABLES:
        raise RunError(explain("table", repr(name), f"one of {', '.join(TABLES)}", "choose one of these"))
    every = TABLES[name]()
    chosen = tuple(row for row in every if fnmatchcase(row.name, pattern))
    if not chosen:
        names = ", ".join(row.name for row in every)
        raise RunError(explain("--rows", repr(pattern), f"a pattern that matches some of {names}", "use such a one"))
    return chosen
