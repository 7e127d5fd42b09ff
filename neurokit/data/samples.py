"""Samples for a Program: read from a file, chosen among those, or drawn from its declared range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from neurokit.errors import GraphError, OutOfRange, explain
from neurokit.ir.program import Program
from neurokit.system.atomic import write_arrays
from neurokit.system.npz import read_arrays

#: What `train` leaves beside a model for `compile` to round its weights by.
CALIBRATION_SUFFIX = ".calibration.npz"
#: What it leaves for `compile` to say what the integers add to the error on samples that nothing was chosen by.
TEST_SUFFIX = ".test.npz"


def draw(program: Program, samples: int, seed: int) -> dict[str, Float64[np.ndarray, "samples size"]]:
    """`samples` legal inputs, every line uniform over its declared range."""
    if samples < 1:
        raise OutOfRange(explain("samples", samples, "at least 1", "ask for some"))
    rng = np.random.default_rng(seed)
    return {
        node.name: node.decode(rng.integers(node.low, node.high, size=(samples, node.low.size), endpoint=True))
        for node in program.inputs
    }


def read(names: Sequence[str], path: Path, *, pairs: bool = False) -> dict[str, Float64[np.ndarray, "..."]]:
    """The inputs `names` from an `.npz` that holds one array `(N, size)` per input, under the input's name.

    `X_branch` and `X_trunk` (DeepXDE's names) serve for `branch` and `trunk`. With `pairs`, the rows of different
    inputs are combined in every way: `(N1, 1, m)` and `(1, N2, d)`; without, row i of one belongs to row i of all.

    Raises GraphError when the file is not such an archive, or an input is missing.
    """
    inputs = _named(names, read_arrays(path), str(path))
    return paired(inputs) if pairs else inputs


def read_answered(
    names: Sequence[str], path: Path
) -> tuple[dict[str, Float64[np.ndarray, "*batch size"]], Float64[np.ndarray, "*batch _"]]:
    """Inputs as `read`, and their true answers, from a file of arrays as `answered` takes them.

    Where it holds a set to test with beside one to train on, names ending in `_test` and `_train`, the former is read.
    Raises GraphError when the file is not such an archive, or shapes do not belong together.
    """
    arrays = read_arrays(path)
    tested = {key.removesuffix("_test"): array for key, array in arrays.items() if key.endswith("_test")}
    return answered(names, tested or arrays, str(path))


def answered(
    names: Sequence[str], arrays: Mapping[str, np.ndarray], source: str
) -> tuple[dict[str, Float64[np.ndarray, "*batch size"]], Float64[np.ndarray, "*batch _"]]:
    """Inputs that broadcast, and their true answers, the array `y`; `source` names the arrays in errors.

    `y (N1, N2)` of two inputs with N1 and N2 rows has an answer for every pair; any other `y (N, k)` belongs to inputs
    of N rows, row by row. Raises GraphError when shapes do not belong together.
    """
    if "y" not in arrays:
        raise GraphError(f"{source} holds the arrays {sorted(arrays)}; save the true answers as 'y' beside the inputs.")
    inputs, y = _named(names, arrays, source), arrays["y"]
    rows = tuple(len(array) for array in inputs.values())
    if len(rows) == 2 and y.shape == rows and rows != (1, 1):
        return paired(inputs), y[..., None]
    if y.ndim == 2 and rows == (len(y),) * len(rows):
        return inputs, y
    legal = f"an answer a row of inputs that have {' and '.join(map(str, rows))} rows"
    legal += f", or {rows}, one a pair" if len(rows) == 2 else ""
    raise GraphError(explain(f"{source}: shape of 'y'", y.shape, legal, "give every sample its answer"))


def _named(
    names: Sequence[str], arrays: Mapping[str, np.ndarray], source: str
) -> dict[str, Float64[np.ndarray, "*batch size"]]:
    inputs = {}
    for name in names:
        key = next((k for k in (name, f"X_{name}") if k in arrays), None)
        if key is None:
            raise GraphError(
                f"{source} holds the arrays {sorted(arrays)}, but the network's inputs are {list(names)}; "
                "save one array (N, size) per input under its name."
            )
        inputs[name] = arrays[key]
    return inputs


def paired(inputs: Mapping[str, Float64[np.ndarray, "N size"]]) -> dict[str, Float64[np.ndarray, "*batch size"]]:
    """Inputs whose rows broadcast to all combinations."""
    paired = {}
    for axis, (name, array) in enumerate(inputs.items()):
        if array.ndim != 2:
            raise GraphError(explain(f"array {name!r}: shape", array.shape, "(N, size)", "give one row a sample"))
        lead = [1] * len(inputs)
        lead[axis] = len(array)
        paired[name] = array.reshape(*lead, array.shape[1])
    return paired


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
