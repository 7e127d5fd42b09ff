"""What a Graph says and NIR does not, as NIR's metadata under the key `neurokit`.

On the graph: `format`, `steps`, `dt`, `scheme`, `nodes` (their order, one name a line). On an Input: `low`, `high`. On
a neuron: `reset` (`zero` or `subtract`), `strict`, `threshold`, `beta`, `alpha`, the last three to the last bit. On an
Output: `readout` (its name), `rule`, `scale`, `offset`. On a node with several sources: `sum`, the name of the Sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from neurokit.compilers.exchange.dialects import Dialect
from neurokit.compilers.exchange.time_step import SCHEMES
from neurokit.errors import GraphError, explain
from neurokit.neurons.models import Neuron, Reset, Subtract, ToZero

KEY = "neurokit"
FORMAT = 1
#: By the word in files.
RESETS: dict[str, Reset] = {"zero": ToZero(), "subtract": Subtract()}
#: Relative difference between a number in the notes and the one that NIR's parameters give, from rounding alone.
ROUNDING = 1e-6


def of_neuron(neuron: Neuron) -> dict[str, Any]:
    reset = "subtract" if isinstance(neuron.reset, Subtract) else "zero"
    numbers = {field.name: getattr(neuron, field.name) for field in fields(neuron) if field.name not in ("reset",)}
    return {"reset": reset, **numbers}


def noted(name: str, metadata: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The notes on one node; raises GraphError when one of `keys` is missing."""
    notes = metadata.get(KEY, {})
    missing = [key for key in keys if key not in notes]
    if missing:
        remedy = "export it again, or remove all of neurokit's notes and give a Reading"
        raise GraphError(explain(f"{name}: notes of neurokit", sorted(notes), f"with {missing[0]!r}", remedy))
    return {key: notes[key].item() if isinstance(notes[key], np.generic) else notes[key] for key in keys}


def dialect(metadata: Mapping[str, Any]) -> tuple[Dialect, int, list[str]]:
    """`(dialect, steps, names of the nodes)` of a graph that neurokit wrote."""
    notes = noted("the graph", metadata, "format", "steps", "dt", "scheme", "nodes")
    if notes["format"] != FORMAT or notes["scheme"] not in SCHEMES:
        found = {key: notes[key] for key in ("format", "scheme")}
        legal = f"format {FORMAT} and one of {sorted(SCHEMES)}"
        raise GraphError(
            explain("the graph: notes of neurokit", found, legal, "read it with the version that wrote it")
        )
    time = SCHEMES[notes["scheme"]](float(notes["dt"]))
    return Dialect(time), int(notes["steps"]), str(notes["nodes"]).splitlines()


def restored(name: str, neuron: Neuron, metadata: Mapping[str, Any]) -> Neuron:
    """`neuron`, which NIR's parameters give, as the notes have it; raises GraphError when the two contradict."""
    numbers = [field.name for field in fields(neuron) if field.name not in ("reset", "strict")]
    notes = noted(f"node {name!r}", metadata, "reset", "strict", *numbers)
    for key in numbers:
        said = getattr(neuron, key)
        if not np.isclose(said, notes[key], rtol=ROUNDING, atol=ROUNDING):
            remedy = "remove neurokit's notes from a graph that was changed, and give a Reading"
            raise GraphError(explain(f"node {name!r}: {key} by its notes", notes[key], f"about {said:g}", remedy))
    if notes["reset"] not in RESETS:
        raise GraphError(explain(f"node {name!r}: reset", notes["reset"], f"one of {sorted(RESETS)}", "mend its notes"))
    values = {key: float(notes[key]) for key in numbers}
    return type(neuron)(**values, reset=RESETS[notes["reset"]], strict=bool(notes["strict"]))
