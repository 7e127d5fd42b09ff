"""Pictures of a parity ladder: the error of every stage, and where two of them differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from neurokit.plotting.figures import INTEGER, LAVA, MODEL
from neurokit.targets.verification.ladder import ParityStage

#: Stages that are integers, but not on Lava.
INTEGERS = ("reference", "twin")


def ladder(axes: Axes, stages: Sequence[ParityStage], note: str = "") -> None:
    """The error of every stage of a parity ladder: against the truth where it is known, else the first stage."""
    true = [stage.against_truth for stage in stages]
    values = [
        (stage.against_model or 0.0) if error is None else error.mean for stage, error in zip(stages, true, strict=True)
    ]
    colours = [
        INTEGER if stage.name in INTEGERS else LAVA if stage.name.startswith("lava") else MODEL for stage in stages
    ]
    bars = axes.barh([stage.name for stage in stages], values, color=colours)
    axes.bar_label(bars, [f"{value:.4g}" for value in values], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set_title("parity ladder")
    measured = "relative L2 error against the first stage" if None in true else "mean relative L2 error"
    axes.set_xlabel(f"{measured}\n{note}".strip())


def disagreement(axes: Axes, stages: Sequence[ParityStage]) -> None:
    """Which share of each layer's spikes every stage has otherwise than the stage before; equal is white."""
    layers = list(dict.fromkeys(name for stage in stages for name in stage.layers))
    shares = np.array(
        [
            [
                layer.different / layer.compared if (layer := stage.layers.get(name)) and layer.compared else np.nan
                for name in layers
            ]
            for stage in stages[1:]
        ]
    )
    axes.imshow(shares, cmap="Oranges", vmin=0.0, vmax=max(1e-9, float(np.nanmax(shares))), aspect="auto")
    for (i, j), share in np.ndenumerate(shares):
        if np.isfinite(share):
            axes.text(j, i, "0" if share == 0 else f"{share:.2g}", ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(layers)), layers, rotation=30, ha="right", fontsize=8)
    axes.set_yticks(range(len(stages) - 1), [stage.name for stage in stages[1:]])
    axes.set_title("share of spikes that differ from the stage before")
