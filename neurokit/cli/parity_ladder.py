"""`neurokit compare --ladder`: every rung from the trained network to Lava."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import typer

from neurokit.cli.console import console, emit, table
from neurokit.ir.program import Program
from neurokit.ir.target import Target
from neurokit.targets.verification.ladder import Ladder, ladder


def climb(
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
    climbed, _ = ladder(network, program, samples, targets)
    _print(path, climbed)
    if picture is not None:
        from neurokit.plotting.figures import new, save
        from neurokit.plotting.parity import disagreement
        from neurokit.plotting.parity import ladder as draw_ladder

        figure = new(4.5 + 0.6 * len(climbed.rungs[0].layers) + 4, 1.2 + 0.5 * len(climbed.rungs))
        left, right = figure.subplots(1, 2)
        draw_ladder(left, climbed.rungs)
        disagreement(right, climbed.rungs)
        save(figure, picture)
    record = climbed.to_json()
    compared = record.pop("comparison") or {"targets": [target.name for target in targets]}
    emit({"program": str(path), **compared, **record}, json)
    if climbed.mismatches:
        first = next(rung.first for rung in climbed.rungs if rung.exact and rung.different)
        console.print("[red]first mismatch:[/red]", end=" ")
        console.print(str(first), markup=False)
        raise typer.Exit(1)
    console.print("[green]every number that must be equal is equal[/green]")


def _print(path: Path, climbed: Ladder) -> None:
    table(
        f"{path}: the ladder, {climbed.samples} samples",
        ["rung", "against the one before", "against the first", "differs", "must not", "first difference"],
        [
            [
                rung.name,
                rung.against_before,
                rung.against_model,
                rung.different,
                "yes" if rung.exact else "",
                "" if rung.first is None else str(rung.first).partition(": ")[2],
            ]
            for rung in climbed.rungs
        ],
    )
    table(
        "spikes that differ from the rung before, and the largest membrane",
        ["layer", *(rung.name for rung in climbed.rungs[1:]), "reach", "limit", "saturated"],
        [
            [
                layer,
                *(rung.layers[layer].different if layer in rung.layers else None for rung in climbed.rungs[1:]),
                *(getattr(climbed.rungs[-1].layers[layer], field) for field in ("reach", "limit", "saturated")),
            ]
            for layer in climbed.rungs[-1].layers
        ],
    )
