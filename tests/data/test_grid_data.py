"""GridData: a separable network sees a grid axis by axis and answers as it does for every location."""

from __future__ import annotations

import numpy as np
import pytest

from neurokit.data.data import OperatorData
from neurokit.data.grid_data import GridData
from neurokit.errors import GraphError

DOMAIN = {"branch": (-1.0, 1.0), "trunk": (0.0, 2.0)}
AXES = (np.linspace(0, 1, 3), np.linspace(0, 2, 4))


def data() -> OperatorData:
    rng = np.random.default_rng(0)
    return OperatorData.on_grid(
        rng.uniform(-1, 1, (5, 6)), AXES, rng.normal(size=(5, 3, 4)), DOMAIN, {"problem": "none"}
    )


def test_inputs_lie_along_axes_of_their_own() -> None:
    whole, grid = data(), GridData.of(data())
    assert {name: x.shape for name, x in grid.inputs.items()} == {
        "branch": (5, 1, 1, 6), "x_1": (1, 3, 1, 1), "x_2": (1, 1, 4, 1),
    }  # fmt: skip
    for i in range(3):
        for j in range(4):
            row = 4 * i + j
            assert whole.locations[row].tolist() == [grid.inputs["x_1"][0, i, 0, 0], grid.inputs["x_2"][0, 0, j, 0]]
            assert grid.answers[:, i, j, 0].tolist() == whole.targets[:, row].tolist()


def test_it_is_operator_data() -> None:
    grid = GridData.of(data())
    assert grid.provenance == {"problem": "none"}
    some = grid.take(np.array([3, 1]))
    assert isinstance(some, GridData)
    assert some.answers.tolist() == grid.answers[[3, 1]].tolist()
    assert isinstance(grid.split(2).test, GridData)


def test_locations_that_are_no_grid_are_refused() -> None:
    rng = np.random.default_rng(0)
    points = OperatorData(np.zeros((2, 3)), rng.uniform(0, 1, (4, 2)), np.zeros((2, 4)), DOMAIN)
    with pytest.raises(GraphError, match=r"GridData\.axes"):
        GridData.of(points)
