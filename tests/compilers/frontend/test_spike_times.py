"""Networks of spike times on Loihi's neuron: the grid that training sees is the Graph that is deployed."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.compilers.frontend.spike_times import deploy  # noqa: E402
from neurokit.errors import OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.events.eventprop import EventProp  # noqa: E402
from neurokit.events.events import Events  # noqa: E402
from neurokit.events.grid import GridEventProp, sampled  # noqa: E402
from neurokit.events.lif import CurrentLIF  # noqa: E402
from neurokit.events.losses import FirstSpikeCrossEntropy  # noqa: E402
from neurokit.events.network import Outcome, Population, SpikeTimeNetwork  # noqa: E402
from neurokit.events.theta import Theta  # noqa: E402
from neurokit.ir import interpreter as reference  # noqa: E402
from neurokit.ir.target import Reference  # noqa: E402
from neurokit.simulator import Twin  # noqa: E402
from neurokit.targets.verification.spike_time_ladder import spike_time_ladder  # noqa: E402

pytestmark = pytest.mark.torch

RATIOS = ((1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (1.0, 0.3))
HORIZON = 4.0


def network(
    tau_mem: float, tau_syn: float, recurrent: bool, gain: float = 6.0, slope_floor: float = 0.0
) -> SpikeTimeNetwork:
    neuron = CurrentLIF(tau_mem, tau_syn, slope_floor=slope_floor)
    net = SpikeTimeNetwork(
        5, [Population(neuron, 8, recurrent), Population(neuron, 3, recurrent)], HORIZON, gain=gain, seed=3
    )
    with torch.no_grad():
        for layer in net.stack():
            layer.weight.copy_(layer.weight.abs() * 0.6 + 0.2 * layer.weight)
            if layer.recurrent is not None:
                layer.recurrent.mul_(0.05)
    return net


def latencies(batch: int = 6) -> Events:
    time = torch.rand(batch, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 + 0.1
    time[0, 0], time[1, 1], time[2, 2] = math.inf, 0.0, HORIZON - 0.05
    return Events.latencies(time)


def loss(outcome: Outcome) -> torch.Tensor:
    """Of first spikes, of all spikes of the hidden layer, and of voltages at the horizon."""
    label = torch.arange(len(outcome.last.voltage)) % 3
    hidden = outcome.layers[0].spikes
    early = 0.1 * hidden.time[hidden.real].sin().sum()
    return FirstSpikeCrossEntropy(0.2)(outcome, label) + early + outcome.last.voltage.sum()


def flat(estimator: GridEventProp | EventProp, net: SpikeTimeNetwork, events: Events) -> torch.Tensor:
    found = estimator.estimate(net, events, loss)
    return torch.cat([*(g.flatten() for g in found.gradient.values()), found.input_times.flatten()])


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("tau_mem", "tau_syn"), RATIOS)
def test_the_grid_in_training_is_the_graph_spike_for_spike(tau_mem: float, tau_syn: float, recurrent: bool) -> None:
    net, events = network(tau_mem, tau_syn, recurrent), latencies()
    for dt in (0.2, 0.1):
        deployed, outcome = deploy(net, dt), GridEventProp(dt).outcome(net, events)
        result = reference.run(deployed.graph, deployed.samples(events), record=True)
        assert result.trace is not None
        for number, activity in enumerate(outcome.layers):
            fired = result.trace.spikes[f"layers.{number}"]
            sample, step, line = fired.nonzero()
            times = (step + number + 1) * dt
            want = [
                sorted(zip(t[r].tolist(), n[r].tolist(), strict=True))
                for t, n, r in zip(activity.spikes.time, activity.spikes.line, activity.spikes.real, strict=True)
            ]
            # A hidden spike in the last steps reaches no output within the trial, and the window ends before it.
            last = (deployed.graph.steps + number) * dt
            for b, spikes in enumerate(want):
                found = sorted(zip(times[sample == b].tolist(), line[sample == b].tolist(), strict=True))
                kept = [one for one in spikes if one[0] <= last + dt / 2]
                assert [n for _, n in found] == [n for _, n in kept]
                assert np.allclose([t for t, _ in found], [t for t, _ in kept], rtol=0, atol=1e-12)
        first = outcome.last.spikes.first(3, HORIZON + dt).numpy()
        assert np.abs(result.output - first).max() <= 1e-12


@pytest.mark.parametrize("recurrent", [False, True])
def test_kernels_and_plain_loops_agree(recurrent: bool) -> None:
    bounded = []
    for tau_mem, tau_syn in RATIOS:
        for slope_floor in (0.0, 2.0):
            net, events = network(tau_mem, tau_syn, recurrent, slope_floor=slope_floor), latencies()
            kernels, plain = (flat(GridEventProp(0.1, compiled), net, events) for compiled in (True, False))
            assert float((kernels - plain).abs().max()) <= 1e-12 * float(plain.abs().max())
            bounded.append(float(plain.norm()))
    assert all(floored < exact for exact, floored in zip(bounded[::2], bounded[1::2], strict=True))


def test_the_gain_makes_the_discrete_voltage_sample_the_continuous_one() -> None:
    """Below threshold and with inputs on the grid nothing is approximated; the last voltages are those of the flow."""
    for tau_mem, tau_syn in RATIOS:
        net = network(tau_mem, tau_syn, False, gain=0.05)
        events = Events.latencies(torch.tensor([[0.0, 0.4, 1.0, 2.2, 3.8]], dtype=torch.float64))
        for dt in (0.2, 0.1):
            exact, grid = net(events).layers[0], GridEventProp(dt).outcome(net, events).layers[0]
            assert not bool(exact.spikes.real.any())
            assert float((exact.final - grid.final).abs().max()) <= 1e-14 * float(exact.final.abs().max() + 1)
            alpha, beta, gain = sampled(net.stack()[0].population.neuron, dt)  # type: ignore[arg-type]
            assert alpha == math.exp(-dt / tau_syn)
            assert beta == math.exp(-dt / tau_mem)
            assert gain > 0


@pytest.mark.parametrize("recurrent", [False, True])
def test_the_gradient_becomes_the_exact_one_as_steps_shrink(recurrent: bool) -> None:
    """To first order in the step, as every spike is late by half a step on average; no spike comes or goes here."""
    net = network(1.0, 0.5, recurrent, gain=5.5)
    events = Events.latencies(torch.tensor([[0.1, 0.3, 0.5, 0.2, 0.7], [0.4, 0.2, 0.9, 0.5, 0.3]], dtype=torch.float64))
    exact, errors = flat(EventProp(), net, events), []
    counts = [a.spikes.counts(a.size) for a in net(events).layers]
    assert all(int(count.sum()) >= 2 for count in counts)
    for dt in (1e-2, 1e-3, 1e-4):
        grid = GridEventProp(dt)
        on_grid = grid.outcome(net, events).layers
        assert all(bool((a.spikes.counts(a.size) == c).all()) for a, c in zip(on_grid, counts, strict=True))
        errors.append(float((flat(grid, net, events) - exact).norm() / exact.norm()))
    assert errors[0] < 0.2
    # Ten times finer, about ten times closer; four times leaves room for where in a step the crossings happen to lie.
    assert errors[1] < errors[0] / 4
    assert errors[2] < errors[1] / 4


def test_a_loss_of_final_states_has_the_same_gradient_on_the_grid_by_kernels_and_without() -> None:
    """The derivative of a sum is one number seen at every place, which kernels cannot read as it is."""
    net = network(1.0, 0.5, False, gain=5.5)
    events = Events.latencies(torch.tensor([[0.1, 0.3, 0.5, 0.2, 0.7]], dtype=torch.float64))
    fast, plain = (
        GridEventProp(0.1, compiled).estimate(net, events, lambda outcome: outcome.last.final.sum())
        for compiled in (True, False)
    )
    assert fast.loss == pytest.approx(plain.loss, rel=1e-12)
    assert any(bool(slope.any()) for slope in plain.gradient.values())
    for name, slope in plain.gradient.items():
        torch.testing.assert_close(fast.gradient[name], slope, rtol=1e-12, atol=1e-14)  # sums in another order


@pytest.mark.parametrize("line", [-1, 5])
def test_a_line_that_the_network_does_not_have_is_refused_on_the_grid_too(line: int) -> None:
    net = network(1.0, 0.5, False, gain=5.5)
    events = Events(torch.tensor([[0.1, 0.2]], dtype=torch.float64), torch.tensor([[0, line]]))
    for run in (net, lambda given: GridEventProp(0.1).outcome(net, given)):
        with pytest.raises(OutOfRange, match=rf"line of an input event is {line}; legal is 0\.\.4"):
            run(events)


@pytest.mark.parametrize("recurrent", [False, True])
def test_the_program_is_the_same_integers_on_reference_and_twin(recurrent: bool) -> None:
    net, events = network(1.0, 0.5, recurrent), latencies()
    deployed = deploy(net, 0.1)
    program = deployed.program({"seed": "3"})
    assert program.provenance["exact.dt"] == "0.1"
    climbed, results = spike_time_ladder(net, deployed, program, events, [Reference(), Twin()])
    assert [stage.name for stage in climbed.stages] == ["exact", "graph", "quantised", "reference", "twin"]
    assert [stage.exact for stage in climbed.stages] == [False, False, False, False, True]
    assert climbed.mismatches == 0
    spikes = results["twin"].trace.spikes  # type: ignore[union-attr]
    assert (spikes["x.spike"] == results["graph"].trace.spikes["x.spike"]).all()  # type: ignore[union-attr]
    assert int(spikes["layers.0"].sum(1).max()) > 1, "neurons spike more than once"
    # Weights of 8 bits move few first spikes, and by few steps.
    assert (np.abs(results["twin"].output - results["graph"].output) > 0.5).mean() < 0.2


def test_what_no_chip_can_do_is_refused() -> None:
    single = SpikeTimeNetwork(2, [Population(CurrentLIF(1.0, 1.0), 2, single_spike=True)], 1.0)
    with pytest.raises(UnsupportedNode, match="spike once only"):
        deploy(single, 0.1)
    with pytest.raises(UnsupportedNode, match=r"layers\.0.*no CurrentLIF"):
        deploy(SpikeTimeNetwork(2, [Population(Theta(), 2)], 1.0), 0.1)
    net = network(1.0, 1.0, False)
    with pytest.raises(OutOfRange, match="whole number of steps"):
        deploy(net, 0.3)
    with pytest.raises(OutOfRange, match="one step a layer"):
        deploy(net, HORIZON)
    twice = Events(torch.tensor([[0.1, 0.2]], dtype=torch.float64), torch.tensor([[1, 1]]))
    with pytest.raises(OutOfRange, match=r"input line 1, sample 0 is 2"):
        deploy(net, 0.1).samples(twice)
