"""core_map: a picture of a Placement, one cell a core."""

from __future__ import annotations

import math
from typing import Any

import matplotlib as mpl
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from neurokit.compilers.chip.placement import Placement
from neurokit.plotting.figures import TRUTH, new

#: Layers beyond these are drawn but not named.
NAMED = 16


def core_map(placement: Placement) -> Figure:
    """Draw every core in use: filled as high as its scarcest resource, its width shared out by neurons a layer.

    Cores lie row by row in the order of their numbers; a line is drawn where a new chip begins.
    """
    columns = math.ceil(math.sqrt(2 * placement.cores))
    rows = math.ceil(placement.cores / columns)
    figure = new(2 + min(14.0, max(4.0, 0.35 * columns)), min(12.0, max(2.5, 0.45 * rows + 1)))
    axes = figure.add_subplot()
    palette = mpl.colormaps["tab20"]
    colour = {layer: palette(i % palette.N) for i, layer in enumerate(placement.layers)}
    on = [placement.slices[:0]] * placement.cores
    for part in placement.slices:
        on[part.core] = (*on[part.core], part)
    patches: list[Rectangle] = []
    colours: list[Any] = []
    for core, parts in enumerate(on):
        left, bottom = core % columns + 0.06, core // columns + 0.06
        neurons = sum(part.size for part in parts)
        full = max(use.used / use.limit for use in placement.use[core].values() if use.limit)
        patches.append(Rectangle((left, bottom), 0.88, 0.88))
        colours.append("0.93")
        for part in parts:
            width = 0.88 * part.size / neurons
            patches.append(Rectangle((left, bottom + 0.88 * (1 - full)), width, 0.88 * full))
            colours.append(colour[part.layer])
            left += width
        if core == 0 or placement.chip(core) != placement.chip(core - 1):
            axes.plot([core % columns] * 2, [core // columns, core // columns + 1], color=TRUTH, lw=1.5)
    axes.add_collection(PatchCollection(patches, facecolor=colours, edgecolor="none"))
    axes.set(xlim=(-0.1, columns + 0.1), ylim=(rows + 0.1, -0.1), aspect="equal", xticks=[], yticks=[])
    axes.set_title(
        f"{placement.hardware}: {placement.cores} of {placement.available:,} cores (at least {placement.bound})",
        fontsize=9,
    )
    named = list(colour.items())[:NAMED]
    legend = [Patch(color=value, label=layer) for layer, value in named]
    if len(colour) > NAMED:
        legend.append(Patch(color="none", label=f"and {len(colour) - NAMED} more"))
    axes.legend(handles=legend, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=7)
    return figure
