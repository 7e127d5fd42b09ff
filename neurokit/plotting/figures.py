"""Pictures: what a deployed network does, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from neurokit.errors import OutOfRange, explain
from neurokit.system.atomic import replacing

#: Endings of pictures.
FORMATS = (".png", ".pdf", ".svg")
TRUTH, MODEL, INTEGER, LAVA = "#333333", "#1f77b4", "#ff7f0e", "#2ca02c"


def require_format(path: Path) -> str:
    """The format that the ending of a picture's name says. Raises OutOfRange for any but those of FORMATS."""
    chosen = path.suffix.lower()
    if chosen not in FORMATS:
        legal = f"one of {', '.join(FORMATS)}"
        raise OutOfRange(explain(f"picture {str(path)!r}: its ending", repr(path.suffix), legal, "name it so"))
    return chosen.removeprefix(".")


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format that its name says, whole or not at all; needs no display. Raises OutOfRange."""
    chosen = require_format(path)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130, format=chosen)


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
