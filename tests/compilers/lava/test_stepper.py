"""The Stepper, which the fused form runs, says what the reference does, each node at its own chip steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from random_programs import Seeded, build, proven, random_inputs

from neurokit.compilers.lava.forms import FusedForm
from neurokit.compilers.lava.schedule import schedule
from neurokit.compilers.lava.stepper import FIRST, Stepper, network_schedule
from neurokit.errors import OutOfRange, UnsupportedNode
from neurokit.ir import interpreter as reference
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate

WINDOWS, BATCH = 3, 2


def legal_program(seed: int) -> Program:
    """A random Program of every kind of node and neuron that the fused form can run."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            program = proven(build(Seeded(rng), widths=Widths(), largest=6))
            network_schedule(program, form=FusedForm())
        except (OutOfRange, UnsupportedNode):
            continue
        return program


def stepped(program: Program, values: dict[str, np.ndarray], extra: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Outputs by window, and what was watched, of `values`, `(WINDOWS * BATCH, size)`, presented window by window."""
    plan = network_schedule(program, program.steps + 1 + extra, FusedForm())
    watched: dict[str, Any] = {"spikes": {}, "states": {}}

    def watch(kind: str, name: str, window: int, t: int, said: np.ndarray) -> None:
        watched[kind].setdefault(name, {})[window, t] = said.copy()

    stepper = Stepper(program, plan, BATCH, watch, frozenset(n.name for n in program.spiking))
    entry, found = stepper.entry(), {n.name: {} for n in program.outputs}  # type: ignore[var-annotated]
    received = {name: np.zeros((BATCH, x.shape[1]), dtype=np.int32) for name, x in values.items()}
    for n in range(1, plan.period * (WINDOWS + plan.flush_windows) + 1):
        said = stepper.step(n, received)
        for output in program.outputs:  # which leave a synapse later
            window, t = stepper.exit(output).local(n + 1)
            if t == 0 and window >= 0:
                found[output.name][window] = said[output.name]
        window, _ = entry.local(n)
        inside = entry.covers(n) and window < WINDOWS
        received = {
            name: x[window * BATCH :][:BATCH].astype(np.int32) * inside if inside else 0 * received[name]
            for name, x in values.items()
        }
    return found, watched


@pytest.mark.parametrize("seed", range(12))
def test_windows_back_to_back_or_apart_are_the_reference_s(seed: int) -> None:
    program = legal_program(seed)
    values = program.encode(random_inputs(program, np.random.default_rng(seed), (WINDOWS * BATCH,)))
    final, trace = reference.interpret(program, values, record=True)
    assert trace is not None
    found, watched = stepped(program, values, extra=seed % 3)
    for output in program.outputs:
        got = np.concatenate([found[output.name][w] for w in range(WINDOWS)])
        np.testing.assert_array_equal(got, final[output.source])
    for kind in ("spikes", "states"):
        for name, expected in getattr(trace, kind).items():
            for w in range(WINDOWS):
                got = np.stack([watched[kind][name][w, t] for t in range(program.steps)], axis=1)
                np.testing.assert_array_equal(got, expected[w * BATCH :][:BATCH])


def test_everything_is_as_much_later_inside_a_network_as_it_takes_to_enter_it() -> None:
    program = legal_program(0)
    inside, outside = network_schedule(program, form=FusedForm()), schedule(program, form=FusedForm())
    assert {inside.start[name] - step for name, step in outside.start.items()} == {2}
    assert inside.start[program.inputs[0].name] - 1 == FIRST
    last = max(inside.start[output.name] + 1 for output in program.outputs)
    assert inside.chip_steps(1) >= last


def test_new_weights_count_from_the_next_step_on() -> None:
    def program(weight: int) -> Program:
        nodes = (
            Input("x", [0], [9], 1.0),
            Dense("d", "x", [[weight]], [0]),
            Spiking("s", "d", IF(8)),
            Readout("r", "s", Rate()),
            Output("y", "r"),
        )
        made = Program(nodes, 8)
        return replace(made, certificate=prove(made))

    plan = network_schedule(program(1))
    seen: list[int] = []
    stepper = Stepper(program(1), plan, 1, lambda kind, *said: seen.append(said[-1].item()), frozenset({"s"}))
    values = {"x": np.array([[1]], dtype=np.int32)}
    for n in range(1, plan.start["s"] + 8):
        if n == plan.start["s"] + 3:
            stepper.swap(program(3))
        stepper.step(n, values)
    assert seen[1::2] == [1, 2, 3, 6, 9, 4, 7, 10]  # membranes: three steps of 1, then of 3, and a reset of 8 at 9
