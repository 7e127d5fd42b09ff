"""Pictures: what a deployed network does, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from neurokit.files import replacing

TRUTH, MODEL, INTEGER, LAVA = "#333333", "#1f77b4", "#ff7f0e", "#2ca02c"


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; needs no display."""
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130, format="png")


def new(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def predictions(
    axes: Axes,
    locations: Float64[np.ndarray, " points"],
    truth: Float64[np.ndarray, "functions points"],
    program: Float64[np.ndarray, "functions points"],
    lava: tuple[Float64[np.ndarray, " some"], Float64[np.ndarray, "functions some"]] | None = None,
) -> None:
    """Solutions of a few test functions: truth, Program on every location, Lava where it was run."""
    for i, (u, v) in enumerate(zip(truth, program, strict=True)):
        axes.plot(locations, u, color=TRUTH, lw=1.5, label="truth" if i == 0 else None)
        axes.plot(locations, v, "--", color=INTEGER, lw=1.2, label="Program (int8)" if i == 0 else None)
        if lava is not None:
            axes.plot(lava[0], lava[1][i], "o", color=LAVA, ms=4, label="Lava" if i == 0 else None)
    axes.set(xlabel="x", ylabel="u(x)", title="prediction against truth")
    axes.legend(frameon=False)


def raster(axes: Axes, spikes: Mapping[str, UInt8[np.ndarray, "steps neurons"]]) -> None:
    """Spikes of one sample, layers stacked."""
    base, ticks, names = 0, [], []
    for i, (layer, train) in enumerate(spikes.items()):
        steps, neurons = np.nonzero(train)
        axes.plot(steps, base + neurons, "|", ms=3.5, color=(MODEL, LAVA)[i % 2])
        ticks.append(base + train.shape[1] / 2)
        names.append(layer)
        base += train.shape[1]
        axes.axhline(base - 0.5, color="0.8", lw=0.6)
    axes.set_yticks(ticks, names)
    axes.set(xlabel="time step", title="spikes on Lava, one sample", ylim=(-1, base))


def ladder(axes: Axes, rungs: Mapping[str, float], note: str) -> None:
    """Relative L2 error from the trained model down to Lava; a rung's first word chooses its colour."""
    names, values = list(rungs), list(rungs.values())
    colours = {"float": MODEL, "Program": INTEGER, "Lava": LAVA}
    bars = axes.barh(names, values, color=[colours.get(name.split()[0].strip(","), TRUTH) for name in names])
    axes.bar_label(bars, [f"{v:.4f}" for v in values], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set_title("parity ladder")
    axes.set_xlabel(f"mean relative L2 error\n{note}")
