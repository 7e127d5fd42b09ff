"""A batch as one Program: copies side by side that do not see each other."""

from __future__ import annotations

import numpy as np
import pytest
from random_programs import ROOMY, Seeded, build, proven, random_inputs

from neurokit.compilers.lava.replicate import replicate
from neurokit.ir import interpreter as reference
from neurokit.ir.convolution import Convolution
from neurokit.ir.program import Conv2d, Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate


@pytest.mark.parametrize("seed", range(12))
def test_the_copies_say_what_the_samples_of_a_batch_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = proven(build(Seeded(rng), widths=ROOMY, largest=6))
    batch = int(rng.integers(2, 5))
    values = program.encode(random_inputs(program, rng, (batch,)))
    apart, expected = reference.interpret(program, values, record=True)
    whole, got = reference.interpret(
        replicate(program, batch), {name: x.reshape(1, -1) for name, x in values.items()}, record=True
    )
    assert expected is not None
    assert got is not None
    for output in program.outputs:
        np.testing.assert_array_equal(whole[output.source].reshape(batch, -1), apart[output.source])
    for name, train in expected.spikes.items():
        side_by_side = got.spikes[name][0].reshape(program.steps, batch, -1).swapaxes(0, 1)
        np.testing.assert_array_equal(side_by_side, train)


def test_one_sample_needs_no_copies_and_weights_of_zero_are_copied_too() -> None:
    nodes = (
        Input("x", [0, 0], [3, 3], 1.0),
        Dense("d", "x", [[0, 0]], [5]),
        Conv2d("c", "d", [[[[0]]]], [2], Convolution((1, 1, 1))),
        Spiking("s", "c", IF(1)),
        Readout("r", "s", Rate()),
        Output("y", "r"),
    )
    program = Program(nodes, 4)
    assert replicate(program, 1) is program
    twice = replicate(program, 2)
    y = reference.interpret(twice, {"x": np.zeros((1, 4), dtype=np.int64)})[0]["r"]
    assert y.tolist() == [[4, 4]]
