"""docs/program-format.md is complete: an interpreter written from it alone gives the reference's integers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT
from plain_interpreter import Answers, LeftItsWidth, interpret
from plain_reader import seal
from random_programs import adaptive_programs, programs, random_inputs, unproven

from neurokit.errors import OutOfRange, OverflowDetected
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.interpreter import run
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF, LIF, ToZero
from neurokit.neurons.readouts import Rate

DOCUMENT = ROOT / "docs" / "program-format.md"


def one_by_one(path: Path, inputs: dict[str, np.ndarray]) -> list[Answers]:
    samples = len(next(iter(inputs.values())))
    return [interpret(path, {name: x[i].tolist() for name, x in inputs.items()}) for i in range(samples)]


def saved(program: Program, factory: pytest.TempPathFactory) -> Path:
    """In one place for all examples of a test: a folder for each would be looked through again and again."""
    return program.save(factory.getbasetemp() / "document.h5")


@settings(max_examples=20)
@given(
    program=programs(largest=10) | adaptive_programs(largest=10), seed=st.integers(0, 2**32 - 1), corners=st.booleans()
)
def test_plain_integers_equal_the_reference_and_stay_within_the_certificate(
    tmp_path_factory: pytest.TempPathFactory, program: Program, seed: int, corners: bool
) -> None:
    inputs = random_inputs(program, np.random.default_rng(seed), (3,), corners=corners)
    expected = run(program, inputs, record=True)
    assert expected.trace is not None
    for i, got in enumerate(one_by_one(saved(program, tmp_path_factory), inputs)):
        assert got.spikes == {name: train[i].tolist() for name, train in expected.trace.spikes.items()}
        assert got.states == {name: state[i].tolist() for name, state in expected.trace.states.items()}
        for name, total in expected.trace.totals.items():
            assert got.totals[name] == total[i].tolist()
        for name, output in expected.outputs.items():
            assert got.outputs[name] == output[i].tolist()
            assert got.totals[f"{name} raw"] == expected.raw[name][i].tolist()
        assert set(got.seen) == set(program.certificate)
        for name, lines in got.seen.items():
            bounds = program.certificate[name]
            for (lowest, highest), low, high in zip(lines, bounds.low, bounds.high, strict=True):
                assert low <= lowest <= highest <= high, name


@settings(max_examples=60)
@given(program=unproven(largest=6), seed=st.integers(0, 2**32 - 1), corners=st.booleans())
def test_the_reference_detects_an_overflow_exactly_when_there_is_one(
    tmp_path_factory: pytest.TempPathFactory, program: Program, seed: int, corners: bool
) -> None:
    path = saved(program, tmp_path_factory)
    inputs = random_inputs(program, np.random.default_rng(seed), (1,), corners=corners)
    try:
        one_by_one(path, inputs)
    except LeftItsWidth:
        with pytest.raises(OverflowDetected):
            run(program, inputs)
    else:
        run(program, inputs)


@settings(max_examples=25)
@given(program=unproven(largest=5), seed=st.integers(0, 2**32 - 1), corners=st.booleans())
def test_every_width_is_left_at_the_same_bit_by_the_document_and_the_reference(
    tmp_path_factory: pytest.TempPathFactory, program: Program, seed: int, corners: bool
) -> None:
    """A width that just holds what the document bounds by it holds for the reference too, and one bit less does not."""
    inputs = random_inputs(program, np.random.default_rng(seed), (1,), corners=corners)
    roomy = Widths(32, 32, 32, 32, 32)
    try:
        (answers,) = one_by_one(saved(replace(program, widths=roomy), tmp_path_factory), inputs)
    except LeftItsWidth:
        return
    for kind in vars(roomy):
        bits = max(2, answers.reach.get(kind, 0).bit_length() + 1)
        run(replace(program, widths=replace(roomy, **{kind: bits})), inputs)
        if bits > 2:
            with pytest.raises(OverflowDetected):
                run(replace(program, widths=replace(roomy, **{kind: bits - 1})), inputs)


@pytest.mark.parametrize("kind", ["LIF", "IF"])
def test_the_input_of_a_membrane_has_a_width_of_its_own(tmp_path: Path, kind: str) -> None:
    """A membrane below zero leaves room for an input that its register beside it does not have."""
    strict = kind == "LIF"
    neuron = LIF(100, ToZero(), strict=True, beta=Decay12(4096)) if strict else IF(96, ToZero())
    # The neuron gets -7 in the first step and 14 in the second: its membrane stays within -7..7, below 2**3.
    program = Program(
        (
            Input("x", [0], [1], 1.0),
            Dense("d", "x", [[1], [1]], [0, 0]),
            Spiking("s", "d", IF(2)),
            Dense("e", "s", [[11, 10]], [-7]),
            Spiking("m", "e", neuron),
            Readout("r", "m", Rate()),
            Output("y", "r"),
        ),
        steps=2,
        widths=Widths(membrane=4),
    )
    with pytest.raises(OverflowDetected, match=r"node 'm': synaptic current"):
        run(program, {"x": np.ones((1, 1))})
    with pytest.raises(LeftItsWidth):
        interpret(program.save(tmp_path / "net.h5"), {"x": [1.0]})
    with pytest.raises(OutOfRange, match=r"node 'm': synaptic current"):
        prove(program)
    wide = replace(program, widths=Widths(membrane=6))
    assert replace(wide, certificate=prove(wide)).certificate
    states = interpret(wide.save(tmp_path / "net.h5"), {"x": [1.0]}).states["m"]
    assert states == ([[-7 * 64], [7 * 64]] if strict else [[-7], [7]])


def documented_hash(path: Path) -> str:
    with h5py.File(path, "r") as file:
        return seal(file)


@settings(max_examples=10)
@given(program=programs(largest=8))
def test_the_hash_is_the_documented_one(tmp_path_factory: pytest.TempPathFactory, program: Program) -> None:
    path = saved(program, tmp_path_factory)
    with h5py.File(path, "r") as file:
        assert bytes(file.attrs["sha256"]).decode() == documented_hash(path)


def test_the_documents_worked_example_is_true(tmp_path: Path) -> None:
    """Every number of the example is in the document; the code block there builds it."""
    document = DOCUMENT.read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", document, re.DOTALL)
    assert block is not None
    scope: dict[str, object] = {}
    exec(block[1], scope)
    program = scope["program"]
    assert isinstance(program, Program)
    path = program.save(tmp_path / "net.h5")
    answers = interpret(path, {"x": [0.75, -0.5]})
    rows = re.findall(r"^\| (\d) \| `(.*?)` \| `(.*?)` \| `(.*?)` \| `(.*?)` \|$", document, re.MULTILINE)
    assert [int(row[0]) for row in rows] == list(range(program.steps))
    for t, (_, before, spikes, current, partial) in enumerate(rows):
        assert str(answers.states["fire"][t]) == before
        assert str(answers.spikes["fire"][t]) == spikes
        assert str(answers.series["last"][t]) == current
        assert str(answers.partial["sum"][t]) == partial
    assert f"`y = {answers.totals['sum'][0]}`" in document
    assert f"`{answers.outputs['y'][0]}`" in document
    assert documented_hash(path) in document
