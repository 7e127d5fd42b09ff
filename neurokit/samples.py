"""Samples for a Program: read from a file, chosen among those, or drawn from its declared range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from neurokit.archives import read_arrays
from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.files import write_arrays
from neurokit.program import Program

#: What `train` leaves beside a model for `compile` to round its weights by.
CALIBRATION_SUFFIX = ".calibration.npz"


def draw(program: Program, samples: int, seed: int) -> dict[str, Float64[np.ndarray, "samples size"]]:
    """`samples` legal inputs, every line uniform over its declared range."""
    if samples < 1:
        raise OutOfRange(explain("samples", samples, "at least 1", "ask for some"))
    rng = np.random.default_rng(seed)
    return {
        node.name: rng.integers(node.low, node.high, size=(samples, node.low.size), endpoint=True) * node.scale
        for node in program.inputs
    }


def read(names: Sequence[str], path: Path, *, pairs: bool = False) -> dict[str, Float64[np.ndarray, "..."]]:
    """The inputs `names` from an `.npz` that holds one array `(N, size)` per input, under the input's name.

    `X_branch` and `X_trunk` (DeepXDE's names) serve for `branch` and `trunk`. With `pairs`, the rows of different
    inputs are combined in every way: `(N1, 1, m)` and `(1, N2, d)`; without, row i of one belongs to row i of all.

    Raises GraphError when the file is not such an archive, or an input is missing.
    """
    arrays = read_arrays(path)
    inputs = {}
    for axis, name in enumerate(names):
        key = next((k for k in (name, f"X_{name}") if k in arrays), None)
        if key is None:
            raise GraphError(
                f"{path} holds the arrays {sorted(arrays)}, but the network's inputs are {list(names)}; "
                "save one array (N, size) per input under its name."
            )
        array = arrays[key]
        if pairs:
            if array.ndim != 2:
                raise GraphError(explain(f"array {key!r}: shape", array.shape, "(N, size)", "give one row a sample"))
            lead = [1] * len(names)
            lead[axis] = len(array)
            array = array.reshape(*lead, array.shape[1])
        inputs[name] = array
    return inputs


def choose(
    inputs: Mapping[str, Float64[np.ndarray, "*batch _"]], samples: int, seed: int
) -> dict[str, Float64[np.ndarray, "samples _"]]:
    """`samples` of `inputs`, whose leading axes broadcast, drawn without replacement; all where there are no more."""
    if samples < 1:
        raise OutOfRange(explain("samples", samples, "at least 1", "ask for some"))
    batch = np.broadcast_shapes(*(array.shape[:-1] for array in inputs.values()))
    count = int(np.prod(batch))
    rows = np.sort(np.random.default_rng(seed).permutation(count)[:samples])
    places = np.unravel_index(rows, batch)
    return {name: np.broadcast_to(array, (*batch, array.shape[-1]))[places] for name, array in inputs.items()}


def write(arrays: Mapping[str, np.ndarray], path: Path) -> Path:
    """Write arrays as an `.npz`, whole or not at all."""
    write_arrays(path, arrays)
    return path
