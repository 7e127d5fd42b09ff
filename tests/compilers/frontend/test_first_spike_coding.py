"""Times of spikes as nodes of a Graph: one spike in the right step, and the first spike back, on every target."""

from __future__ import annotations

import numpy as np
import pytest

from neurokit.compilers.frontend.first_spike_coding import first_spike_output, latency_input
from neurokit.compilers.quantization.quantize import quantize
from neurokit.compilers.quantization.scales import Plan
from neurokit.errors import OutOfRange
from neurokit.ir import interpreter as reference
from neurokit.ir.graph import Dense, Graph, Recurrent, Spiking
from neurokit.ir.program import Program
from neurokit.ir.spike_time_grid import PARTS, Latency
from neurokit.ir.target import Reference
from neurokit.neurons.models import CubaLIF, ToZero
from neurokit.simulator import Twin
from neurokit.targets.verification.comparison import compare


def network(steps: int, dt: float, lines: int = 3, hidden: int = 0) -> tuple[Graph, Program]:
    """Latencies in, first spikes out; between them current-based neurons, or nothing."""
    grid = Latency(dt)
    given = latency_input("x", lines, grid, steps)
    nodes, source, size = list(given.nodes), given.speaker, lines
    if hidden:
        rng = np.random.default_rng(5)
        neuron = CubaLIF(1.0, ToZero(), True, 0.7, 0.8)
        echo = Recurrent(rng.normal(size=(hidden, hidden)) * 0.1)
        nodes.append(Dense("current", source, rng.uniform(0.1, 0.9, (hidden, lines)), np.zeros(hidden)))
        nodes.append(Spiking("hidden", "current", neuron, echo))
        source, size = "hidden", hidden
    answer = first_spike_output("time", source, size, grid, steps, 0)
    graph = Graph((*nodes, *answer.nodes), steps)
    return graph, quantize(graph, plan=Plan({**given.scales, **answer.scales}, {}))


@pytest.mark.parametrize(("steps", "dt"), [(1, 1.0), (2, 0.3), (36, 0.1), (200, 0.02)])
def test_a_line_spikes_once_in_the_step_of_its_time(steps: int, dt: float) -> None:
    """On the grid, just before and after it, between grid times, and beyond the window, where it does not."""
    graph, program = network(steps, dt)
    rng = np.random.default_rng(0)
    on = rng.integers(0, steps + 1, 12) * dt
    time = np.concatenate([on, on + dt / 60, np.maximum(on - dt / 60, 0), rng.uniform(0, (steps + 1) * dt, 12)])
    x = {"x": np.minimum(time.reshape(-1, 3), (steps + 1) * dt)}
    step = Latency(dt).steps(x["x"])
    assert (step == np.ceil(np.rint(x["x"] * PARTS / dt) / PARTS)).all()
    wanted = np.arange(steps)[None, :, None] == step[:, None]
    for result in (reference.run(graph, x, record=True), reference.run(program, x, record=True)):
        assert result.trace is not None
        assert (result.trace.spikes["x.spike"] == wanted).all()
        # What comes in step k goes out as the time k dt; never is the end of the window.
        assert np.abs(result.output - np.minimum(step, steps) * dt).max() <= 1e-12 * steps
    assert (Twin().run(program, x).output == result.output).all()


def test_only_the_first_of_many_spikes_is_told() -> None:
    """A population that fires many times answers with its first; window sizes at which powers of two change."""
    for steps in (5, 63, 64, 128):
        graph, program = network(steps, 1.0, hidden=7)
        x = {"x": np.random.default_rng(1).uniform(0, steps * 0.4, (20, 3))}
        for net in (graph, program):
            result = reference.run(net, x, record=True)
            assert result.trace is not None
            fired = result.trace.spikes["hidden"]
            assert steps == 5 or fired.sum(1).max() > 2
            first = np.where(fired.any(1), fired.argmax(1), steps)
            assert (result.output == first).all()
            assert (result.trace.spikes["time.first"].sum(1) == fired.any(1)).all()


def test_steps_refuse_what_is_no_grid() -> None:
    with pytest.raises(OutOfRange, match=r"Latency: dt is 0"):
        Latency(0.0)
    assert Latency(0.1).count(3.6) == 36
    with pytest.raises(OutOfRange, match="whole number of steps"):
        Latency(0.1).count(3.65)


@pytest.mark.lava
@pytest.mark.parametrize("form", ["StockForm", "SoftIFForm"])
def test_lava_says_the_same_spike_for_spike(form: str) -> None:
    pytest.importorskip("lava")
    from neurokit.compilers.lava import forms
    from neurokit.targets.lava.target import LavaCPU

    _, program = network(6, 0.5, hidden=4)
    x = {"x": np.array([[0.0, 1.0, 3.5], [2.5, 0.2, 0.7]])}
    found, _ = compare(program, x, [Reference(), Twin(), LavaCPU(form=getattr(forms, form)())])
    assert found.spikes_compared > 200
    assert found.mismatches == 0, found.first_mismatch
