"""compare: it counts everything, and names the first difference exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from neurokit.data.samples import draw
from neurokit.errors import NeurokitError, OutOfRange
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.ir.result import RunResult
from neurokit.ir.target import Reference
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate
from neurokit.targets.verification.comparison import compare


def program() -> Program:
    rng = np.random.default_rng(0)
    return Program(
        (
            Input("x", np.full(3, -20), np.full(3, 20), 0.1),
            Dense("hidden", "x", rng.integers(-9, 10, (5, 3)), rng.integers(-9, 10, 5)),
            Spiking("spikes", "hidden", IF(64)),
            Dense("out", "spikes", rng.integers(-9, 10, (2, 5)), np.zeros(2)),
            Readout("y", "out", Rate()),
            Output("answer", "y", 0.5),
        ),
        steps=7,
    )


@dataclass(frozen=True)
class Faulty:
    """The reference with chosen numbers changed."""

    spikes: tuple[tuple[int, int, int], ...] = ()
    states: tuple[tuple[int, int, int], ...] = ()
    outputs: tuple[tuple[int, int], ...] = ()
    name: str = "faulty"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        result = reference.run(program, inputs, record=True)
        assert result.trace is not None
        spikes, states = result.trace.spikes["spikes"].copy(), result.trace.states["spikes"].copy()
        raw = result.raw["answer"].copy()
        for where in self.spikes:
            spikes[where] ^= 1
        for where in self.states:
            states[where] += 5
        for output in self.outputs:
            raw[output] -= 2
        trace = replace(result.trace, spikes={"spikes": spikes}, states={"spikes": states})
        return replace(result, target=self.name, trace=trace, raw={"answer": raw})


def test_equal_targets_show_every_number_compared() -> None:
    comparison, results = compare(program(), draw(program(), 4, seed=1), [Reference(), Faulty()])
    assert comparison.mismatches == 0
    assert comparison.first_mismatch is None
    assert comparison.spikes_compared == comparison.states_compared == 4 * 7 * 5
    assert comparison.totals_compared == 4 * 2 + 4 * 2, "the readout and the output"
    assert set(results) == {"reference", "faulty"}


def test_the_first_mismatch_is_the_earliest_and_carries_both_values() -> None:
    inputs = draw(program(), 4, seed=1)
    comparison, results = compare(
        program(), inputs, [Reference(), Faulty(spikes=((2, 3, 1), (1, 6, 4), (1, 5, 0)), states=((3, 0, 0),))]
    )
    first = comparison.first_mismatch
    assert comparison.mismatches == 4
    assert first is not None
    assert (first.target, first.kind, first.layer) == ("faulty", "spike", "spikes")
    assert (first.sample, first.step, first.neuron) == (1, 5, 0)
    trace = results["reference"].trace
    assert trace is not None
    assert first.expected == trace.spikes["spikes"][1, 5, 0] == 1 - first.got
    assert "step 5" in str(first)
    assert "neuron 0" in str(first)


def test_a_wrong_output_is_found_even_when_all_spikes_agree() -> None:
    comparison, _ = compare(program(), draw(program(), 4, seed=1), [Reference(), Faulty(outputs=((3, 1),))])
    assert comparison.mismatches == 1
    assert comparison.first_mismatch is not None
    assert (comparison.first_mismatch.kind, comparison.first_mismatch.layer) == ("output", "answer")
    assert comparison.first_mismatch.step is None


def test_one_target_is_no_comparison() -> None:
    with pytest.raises(NeurokitError, match="at least two"):
        compare(program(), draw(program(), 1, seed=0), [Reference()])
    ran = []

    class Told(Reference):
        def run(self, *arguments: Any, **options: Any) -> RunResult:
            ran.append(self.name)
            return super().run(*arguments, **options)

    with pytest.raises(NeurokitError, match="all different"):
        compare(program(), draw(program(), 1, seed=0), [Told(), Told()])
    assert not ran, "refused before anything runs"


def test_drawn_samples_are_legal_and_reach_both_ends() -> None:
    (node,) = program().inputs
    samples = draw(program(), 500, seed=0)["x"]
    encoded = node.encode(samples)
    assert encoded.min() == -20
    assert encoded.max() == 20
    with pytest.raises(OutOfRange, match="samples"):
        draw(program(), 0, seed=0)
