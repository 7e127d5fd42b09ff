"""The tables that can be reproduced, by name: their rows, and how trials become records, text and a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from neurokit.errors import RunError, explain

#: What is known of one row over its seeds: `row`, `paper`, `mean`, `sd`, `n`, `bar`, `met`, `seconds`, and more.
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table. Its rows bring their own trials (`neurokit.experiments.papers.runner.Entry`).

    title      what its numbers are
    rows       in the order of the table
    trial      class of the trials
    summarise  rows, trials by row name, and the share of the training -> one record a row
    shown      records -> columns and lines for the console
    markdown   records and share -> the table as text
    draw       records, file and share -> a picture
    tunable    rows have a grid of settings to choose from (`neurokit.experiments.papers.tune`)
    """

    title: str
    rows: tuple[Any, ...]
    trial: type[Any]
    summarise: Callable[[Sequence[Any], Mapping[str, Sequence[Any]], float], list[dict[str, Any]]]
    shown: Callable[[Sequence[Record]], tuple[list[str], list[list[object]]]]
    markdown: Callable[[Sequence[Record], float], str]
    draw: Callable[[Sequence[Record], Path, float], None]
    tunable: bool = False

    def matching(self, pattern: str) -> tuple[Any, ...]:
        """The rows whose names match `pattern`, in which `*` stands for anything. Raises RunError if there is none."""
        chosen = tuple(row for row in self.rows if fnmatchcase(row.name, pattern))
        if not chosen:
            legal = f"a pattern that matches some of {', '.join(row.name for row in self.rows)}"
            raise RunError(explain("--rows", repr(pattern), legal, "use such a one"))
        return chosen


def table(name: str) -> Table:
    """The table of that name. Raises RunError when there is none."""
    if name not in TABLES:
        raise RunError(explain("table", repr(name), f"one of {', '.join(TABLES)}", "choose one of these"))
    return TABLES[name]()


def _rfg() -> Table:
    from neurokit.experiments.papers import mexican_hat, poisson, reaction_diffusion
    from neurokit.experiments.papers.summary import draw, markdown, shown, summarise
    from neurokit.experiments.papers.trial import Trial

    rows = (*mexican_hat.ROWS, *poisson.ROWS, *reaction_diffusion.ROWS)
    return Table("relative L2 errors", rows, Trial, summarise, shown, markdown, draw, tunable=True)


def _quantization() -> Table:
    from neurokit.experiments.papers import quantization
    from neurokit.experiments.papers.summary import markdown, shown, summarise
    from neurokit.experiments.papers.trial import Trial

    return Table("relative L2 errors", quantization.ROWS, Trial, summarise, shown, markdown, quantization.draw)


def _added_error() -> Table:
    from neurokit.experiments.papers import added_error as added

    return Table(
        "what int8 adds to relative L2 errors", added.ROWS, added.CompiledTrial, added.summarise, added.shown,
        added.markdown, added.draw,
    )  # fmt: skip


def _exact() -> Table:
    from neurokit.experiments.papers import exact
    from neurokit.experiments.papers.exact_tasks import ExactTrial

    return Table("exact gradients", exact.ROWS, ExactTrial, exact.summarise, exact.shown, exact.markdown, exact.draw)


def _deployment() -> Table:
    from neurokit.experiments.papers import deployment_report as report
    from neurokit.experiments.papers.deployment import ROWS
    from neurokit.experiments.papers.exact_tasks import ExactTrial

    return Table(
        "Yin-Yang, percent of test points", ROWS, ExactTrial, report.summarise, report.shown, report.markdown,
        report.draw,
    )  # fmt: skip


#: Tables are made when asked for, because their rows import what they train.
TABLES: dict[str, Callable[[], Table]] = {
    "rfg": _rfg,
    "quantization": _quantization,
    "added-error": _added_error,
    "exact": _exact,
    "exact-deployment": _deployment,
}
