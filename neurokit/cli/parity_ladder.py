"""`neurokit compare --ladder`: every stage from the trained network to Lava."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import typer

from neurokit.cli.console import console, emit, table
from neurokit.ir.program import Program
from neurokit.ir.target import Target
from neurokit.targets.verification.ladder import Ladder, ladder


def parity_ladder(
    path: Path,
    program: Program,
    samples: Mapping[str, np.ndarray],
    targets: Sequence[Target],
    model: Path | None,
    picture: Path | None,
    json: str | None,
) -> None:
    """Print, draw and write a Ladder; exit code 1 where numbers differ that must not."""
    network = None
    if model is not None:
        from neurokit.networks.model_file import load_model

        network = load_model(model).network
    report, _ = ladder(network, program, samples, targets)
    _print(path, report)
    if picture is not None:
        from neurokit.plotting.figures import new, save
        from neurokit.plotting.parity import disagreement
        from neurokit.plotting.parity import ladder as draw_ladder

        figure = new(4.5 + 0.6 * len(report.stages[0].layers) + 4, 1.2 + 0.5 * len(report.stages))
        left, right = figure.subplots(1, 2)
        draw_ladder(left, report.stages)
        disagreement(right, report.stages)
        save(figure, picture)
    record = report.to_json()
    compared = record.pop("comparison") or {"targets": [target.name for target in targets]}
    emit({"program": str(path), **compared, **record}, json)
    if report.mismatches:
        first = next(stage.first for stage in report.stages if stage.exact and stage.different)
        console.print("[red]first mismatch:[/red]", end=" ")
        console.print(str(first), markup=False)
        raise typer.Exit(1)
    console.print("[green]every number that must be equal is equal[/green]")


def _print(path: Path, report: Ladder) -> None:
    table(
        f"{path}: the ladder, {report.samples} samples",
        ["stage", "against the one before", "against the first", "differs", "must not", "first difference"],
        [
            [
                stage.name,
                stage.against_before,
                stage.against_model,
                stage.different,
                "yes" if stage.exact else "",
                "" if stage.first is None else str(stage.first).partition(": ")[2],
            ]
            for stage in report.stages
        ],
    )
    table(
        "spikes that differ from the stage before, and the largest membrane",
        ["layer", *(stage.name for stage in report.stages[1:]), "reach", "limit", "saturated"],
        [
            [
                layer,
                *(stage.layers[layer].different if layer in stage.layers else None for stage in report.stages[1:]),
                *(getattr(report.stages[-1].layers[layer], field) for field in ("reach", "limit", "saturated")),
            ]
            for layer in report.stages[-1].layers
        ],
    )
