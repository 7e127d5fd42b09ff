"""Whole grids at the price of their axes: the same numbers, from as many windows as the axes have points."""

from __future__ import annotations

import numpy as np
import pytest
from operators import operator
from random_programs import random_inputs, random_program

from neurokit.ir import interpreter as reference
from neurokit.ir.target import Reference
from neurokit.simulator import Twin
from neurokit.targets.factored import Factored, parts


@pytest.mark.parametrize(("trunks", "coordinates"), [(1, 2), (2, 1), (3, 1)])
def test_a_grid_of_an_operator_network_is_the_reference_s(trunks: int, coordinates: int) -> None:
    program = operator(trunks, coordinates)
    shapes = [tuple(3 + i if i == axis else 1 for i in range(1 + trunks)) for axis in range(1 + trunks)]
    inputs = random_inputs(program, np.random.default_rng(0), *shapes)
    expected, got = (target.run(program, inputs, record=True) for target in (Reference(), Factored(Twin())))
    assert expected.output.std() > 0
    assert got.output.shape == (*(3 + i for i in range(1 + trunks)), 1)
    np.testing.assert_array_equal(got.output, expected.output)
    assert expected.trace is not None
    assert got.trace is not None
    for kind, arrays in vars(expected.trace).items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(getattr(got.trace, kind)[name], array)
    assert len(parts(program)) == 1 + trunks
    assert got.target == "twin-factored"


@pytest.mark.parametrize("seed", range(8))
def test_any_program_may_be_taken_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, largest=8)
    inputs = random_inputs(program, rng, (4,))
    expected, got = reference.run(program, inputs), Factored(Reference()).run(program, inputs)
    for name, y in expected.raw.items():
        np.testing.assert_array_equal(got.raw[name], y)
