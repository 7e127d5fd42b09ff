"""Exact gradients: three ways to one gradient, which is that of finite differences, whatever the neuron."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from neurokit.errors import GraphError  # noqa: E402
from neurokit.events.estimator import SpikeTimeBackprop, SpikeTimeEstimator  # noqa: E402
from neurokit.events.eventprop import EventProp  # noqa: E402
from neurokit.events.events import Events  # noqa: E402
from neurokit.events.forward_propagation import ForwardPropagation  # noqa: E402
from neurokit.events.lif import CurrentLIF  # noqa: E402
from neurokit.events.losses import FirstSpikeCrossEntropy, deadness, lateness, pseudospikes  # noqa: E402
from neurokit.events.network import Outcome, Population, SpikeTimeNetwork  # noqa: E402
from neurokit.events.neuron import EventNeuron  # noqa: E402
from neurokit.events.observed import ObservedLIF, voltage_integral, voltage_maximum  # noqa: E402
from neurokit.events.theta import Theta  # noqa: E402

pytestmark = pytest.mark.torch

MODES = (SpikeTimeBackprop(), EventProp(), ForwardPropagation())
#: tau_mem, tau_syn: equal, 2:1 both ways, nearly equal, and two ratios without a closed form.
RATIOS = ((1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (1.0, 1.0001), (1.0, 0.3), (0.4, 1.0))
#: Makes a layer of neurons with time constants of 1 spike a few times; shorter ones need more in proportion.
GAIN = 3.0


def spikes_of(seed: int, lines: int = 4, count: int = 5, batch: int = 2) -> Events:
    generator = torch.Generator().manual_seed(seed)
    time = torch.rand(batch, count, generator=generator, dtype=torch.float64) * 2
    return Events.sorted(time, torch.randint(0, lines, (batch, count), generator=generator))


def network_of(neuron: EventNeuron, recurrent: bool, seed: int = 0, gain: float = GAIN) -> SpikeTimeNetwork:
    """Two layers; the hidden one spikes, and its weights lean to excitation so that the output does, too."""
    layers = [Population(neuron, 4, recurrent), Population(neuron, 3, recurrent)]
    net = SpikeTimeNetwork(4, layers, 2.0, gain=gain, seed=seed)
    with torch.no_grad():
        for layer in net.stack():
            layer.weight.copy_(layer.weight.abs() * 0.6 + 0.2 * layer.weight)
            if layer.recurrent is not None:
                layer.recurrent.mul_(0.15)
    return net


def of_everything(outcome: Outcome) -> torch.Tensor:
    """Every spike time of every layer, and every state at the horizon."""
    total = torch.zeros((), dtype=torch.float64)
    for activity in outcome.layers:
        spikes = activity.spikes
        total = total + torch.sin(spikes.time[spikes.real] + spikes.line[spikes.real]).sum()
        total = total + torch.cos(activity.final).sum()
    return total


def flat(estimator: SpikeTimeEstimator, net: SpikeTimeNetwork, events: Events, loss: Callable) -> torch.Tensor:
    found = estimator.estimate(net, events, loss)
    return torch.cat([*(g.flatten() for g in found.gradient.values()), found.input_times.flatten()])


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max() / other.abs().max())


def by_differences(net: SpikeTimeNetwork, events: Events, loss: Callable, direction: list, step: float) -> float:
    """4th-order central difference of the loss along a direction in parameters; asserts that no spike comes or goes."""
    start = [p.detach().clone() for p in net.parameters()]
    values, counts = {}, set()
    with torch.no_grad():
        for k in (-2, -1, 1, 2):
            for p, p0, d in zip(net.parameters(), start, direction, strict=True):
                p.copy_(p0 + k * step * d)
            outcome = net(events)
            values[k] = float(loss(outcome))
            counts.add(tuple(tuple(a.spikes.counts(a.size).flatten().tolist()) for a in outcome.layers))
        for p, p0 in zip(net.parameters(), start, strict=True):
            p.copy_(p0)
    assert len(counts) == 1, "a spike came or went: the difference says nothing"
    return (values[-2] - values[2] + 8 * (values[1] - values[-1])) / (12 * step)


def check(net: SpikeTimeNetwork, events: Events, loss: Callable, step: float = 1e-5) -> None:
    """All modes agree to 1e-12, and with differences along a random direction to 1e-8 of the gradient's norm."""
    reference = flat(EventProp(), net, events, loss)
    for mode in MODES:
        assert apart(flat(mode, net, events, loss), reference) <= 1e-12, mode
    gradient = EventProp().estimate(net, events, loss).gradient
    generator = torch.Generator().manual_seed(7)
    direction = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in net.parameters()]
    exact = sum(float((g * d).sum()) for g, d in zip(gradient.values(), direction, strict=True))
    scale = math.sqrt(sum(float((g * g).sum()) for g in gradient.values()))
    # Rounding of a loss of about 10 over the step is 1e-10; near-tangent spikes bend so much that the step's fourth
    # power, with its factor, needs so short a step.
    assert abs(by_differences(net, events, loss, direction, step) - exact) <= 1e-8 * max(1.0, scale)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("tau_mem", "tau_syn"), RATIOS)
def test_modes_agree_with_each_other_and_with_differences(tau_mem: float, tau_syn: float, recurrent: bool) -> None:
    net = network_of(CurrentLIF(tau_mem, tau_syn), recurrent, gain=GAIN / min(tau_mem, tau_syn))
    events = spikes_of(1)
    counts = [int(a.spikes.real.sum()) for a in net(events).layers]
    assert min(counts) >= 2, counts
    check(net, events, of_everything)


@pytest.mark.parametrize("recurrent", [False, True])
def test_the_theta_neuron_needs_nothing_but_its_flow_and_jumps(recurrent: bool) -> None:
    net = network_of(Theta(tau=0.5), recurrent, gain=1.0)
    assert all(int(a.spikes.real.sum()) > 3 for a in net(spikes_of(1)).layers)
    check(net, spikes_of(1), of_everything)


def test_voltage_integral_and_maximum_have_exact_gradients() -> None:
    neuron = CurrentLIF(1.0, 0.4)
    readout = ObservedLIF(1.0, 0.5, threshold=50.0)
    net = SpikeTimeNetwork(4, [Population(neuron, 4), Population(readout, 2)], 2.5, gain=2 * GAIN)
    events = spikes_of(1)
    assert int(net(events).layers[0].spikes.real.sum()) > 3
    check(net, events, lambda o: voltage_integral(o.last).square().sum())
    check(net, events, lambda o: voltage_maximum(o.last).square().sum() + o.last.voltage.sin().sum())


def test_integral_and_maximum_are_those_of_a_dense_scan() -> None:
    neuron = ObservedLIF(1.0, 0.5, threshold=50.0)
    net = SpikeTimeNetwork(4, [Population(neuron, 3)], 2.5, gain=GAIN)
    events = spikes_of(3)
    last = net(events).last
    grid = torch.linspace(0, 2.5, 5001, dtype=torch.float64)
    scan = torch.zeros(2, 3, len(grid), dtype=torch.float64)
    for b in range(2):
        for time, line in zip(events.time[b], events.line[b], strict=True):
            s = (grid - time).clamp(min=0)
            scan[b] += net.stack()[0].weight[line].detach()[:, None] * (torch.exp(-s) - torch.exp(-2 * s))
    # The integral over a kink is second order in the grid's step, 5e-4; a maximum at a kink first order.
    assert torch.allclose(voltage_integral(last), torch.trapezoid(scan, grid), atol=1e-5)
    assert torch.allclose(voltage_maximum(last), scan.amax(-1).clamp(min=0), atol=2e-3)


@pytest.mark.parametrize(("early", "virtual"), [(0.0, 0.0), (0.3, 0.0), (0.2, 2.0)])
def test_losses_of_first_spikes(early: float, virtual: float) -> None:
    net = network_of(CurrentLIF(1.0, 1.0), recurrent=False)
    loss = FirstSpikeCrossEntropy(0.3, early=early, early_tau=2.0, virtual=virtual)
    labels = torch.tensor([0, 2])

    def whole(outcome: Outcome) -> torch.Tensor:
        activity = lateness(outcome.layers[0], outcome.horizon) + deadness(outcome.layers[0])
        return loss(outcome, labels) + 0.1 * activity

    check(net, spikes_of(1), whole)


def test_a_silent_label_learns_only_from_its_virtual_spike() -> None:
    net = SpikeTimeNetwork(4, [Population(CurrentLIF(1.0, 1.0), 2)], 2.5, gain=0.1)
    labels = torch.tensor([0, 1])
    assert not bool(net(spikes_of(1)).last.spikes.real.any())
    plain, virtual = FirstSpikeCrossEntropy(0.3), FirstSpikeCrossEntropy(0.3, virtual=1.0)
    assert not bool(flat(EventProp(), net, spikes_of(1), lambda o: plain(o, labels)).any())
    assert bool(flat(EventProp(), net, spikes_of(1), lambda o: virtual(o, labels)).any())
    check(net, spikes_of(1), lambda o: virtual(o, labels))


def test_both_resets_are_one_model_in_continuous_time() -> None:
    from neurokit.neurons.models import ToZero

    found = []
    for neuron in (CurrentLIF(1.0, 0.5), CurrentLIF(1.0, 0.5, reset_to=ToZero())):
        net = network_of(neuron, recurrent=True, gain=2 * GAIN)
        times = net(spikes_of(1)).last.spikes.time
        found.append((times.detach(), flat(EventProp(), net, spikes_of(1), of_everything)))
    assert found[0][0].shape[1] > 0
    # The overshoot at a root that is exact to rounding is rounding, too.
    assert torch.allclose(found[0][0], found[1][0], rtol=0, atol=1e-12)
    assert apart(found[0][1], found[1][1]) <= 1e-11


def test_slope_floor_leaves_gradients_alone_where_it_does_not_bind() -> None:
    exact, low, high = (network_of(CurrentLIF(1.0, 1.0, slope_floor=floor), False) for floor in (0.0, 1e-9, 5.0))
    reference = flat(EventProp(), exact, spikes_of(1), of_everything)
    assert apart(flat(EventProp(), low, spikes_of(1), of_everything), reference) == 0
    bounded = flat(EventProp(), high, spikes_of(1), of_everything)
    assert apart(bounded, reference) > 1e-3
    assert apart(flat(ForwardPropagation(), high, spikes_of(1), of_everything), bounded) <= 1e-12


def test_pseudospikes_have_exact_gradients_and_need_theta_neurons() -> None:
    net = network_of(Theta(), recurrent=False, gain=1.0)
    assert bool((net(spikes_of(1)).last.spikes.counts(3) == 0).any())
    check(net, spikes_of(1), lambda o: pseudospikes(o).square().sum())
    with pytest.raises(GraphError, match="of Theta neurons"):
        pseudospikes(network_of(CurrentLIF(1.0, 0.5), False)(spikes_of(1)))


def test_theta_networks_are_twice_differentiable() -> None:
    net = network_of(Theta(tau=0.5), recurrent=False, gain=1.0)
    events = spikes_of(2)

    def slope(shift: torch.Tensor) -> torch.Tensor:
        value = pseudospikes(net(Events(events.time + shift, events.line))).sin().sum()
        return torch.autograd.grad(value, shift, create_graph=True)[0]

    at = torch.tensor(0.05, dtype=torch.float64, requires_grad=True)
    (second,) = torch.autograd.grad(slope(at), at)
    h = 1e-4
    values = [float(slope(torch.tensor(0.05 + k * h, dtype=torch.float64, requires_grad=True))) for k in (-2, -1, 1, 2)]
    difference = (values[0] - values[3] + 8 * (values[2] - values[1])) / (12 * h)
    assert float(second) == pytest.approx(difference, rel=1e-8)
