"""Compiled layers of CurrentLIF neurons: the spikes of the loop in torch, and the gradients of its EventProp."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from neurokit.errors import OutOfRange, TangentCrossing  # noqa: E402
from neurokit.events.eventprop import EventProp  # noqa: E402
from neurokit.events.events import Events, Log  # noqa: E402
from neurokit.events.kernels import current_lif  # noqa: E402
from neurokit.events.lif import CurrentLIF  # noqa: E402
from neurokit.events.network import Outcome, Population, SpikeTimeNetwork  # noqa: E402
from neurokit.events.theta import Theta  # noqa: E402

pytestmark = pytest.mark.torch

#: tau_mem, tau_syn: equal, 2:1 both ways, nearly equal, and two ratios without a closed form.
RATIOS = ((1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (1.0, 1.0001), (1.0, 0.3), (0.4, 1.0))


def network(tau_mem: float, tau_syn: float, *, recurrent: bool, single: bool = False) -> SpikeTimeNetwork:
    neuron = CurrentLIF(tau_mem, tau_syn)
    layers = [Population(neuron, 12, recurrent, single), Population(neuron, 5, recurrent, single)]
    net = SpikeTimeNetwork(6, layers, 2.0, gain=4 / (tau_mem * tau_syn) ** 0.5, seed=3)
    with torch.no_grad():
        for layer in net.stack():
            layer.weight.copy_(layer.weight.abs() * 0.4 + 0.4 * layer.weight)
            if layer.recurrent is not None:
                layer.recurrent.mul_(0.2)
        net.stack()[1].weight.mul_(2.5)
    return net


def inputs(batch: int = 4) -> Events:
    """Some samples are shorter than others; two events of every sample coincide."""
    generator = torch.Generator().manual_seed(1)
    time = torch.rand(batch, 8, generator=generator, dtype=torch.float64) * 2
    time[:, 1] = time[:, 0]
    time[1, 4:], time[2] = math.inf, math.inf
    return Events.sorted(time, torch.randint(0, 6, (batch, 8), generator=generator))


def logs_of(net: SpikeTimeNetwork, compiled: bool) -> list[Log]:
    net.compiled = compiled
    with torch.no_grad():
        return net.log(inputs())


def loss(outcome: Outcome) -> torch.Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for activity in outcome.layers:
        spikes = activity.spikes
        total = total + torch.sin(spikes.time[spikes.real] + spikes.line[spikes.real]).sum()
        total = total + torch.cos(activity.final).sum()
    return total


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("tau_mem", "tau_syn"), RATIOS)
def test_compiled_layers_spike_and_differentiate_as_the_loop_does(
    tau_mem: float, tau_syn: float, recurrent: bool, single: bool
) -> None:
    net = network(tau_mem, tau_syn, recurrent=recurrent, single=single)
    for fast, plain in zip(logs_of(net, True), logs_of(net, False), strict=True):
        assert int(plain.own.sum()) >= 2
        for name in ("source", "input"):
            assert torch.equal(getattr(fast, name), getattr(plain, name)), name
        # States are rounded at other places, and crossings at a small slope magnify that.
        assert torch.allclose(fast.time, plain.time, rtol=0, atol=1e-11)
        assert torch.allclose(fast.final, plain.final, rtol=1e-10, atol=1e-10)
    found = []
    for compiled in (True, False):
        net.compiled = compiled
        answer = EventProp().estimate(net, inputs(), loss)
        found.append(torch.cat([*(g.flatten() for g in answer.gradient.values()), answer.input_times.flatten()]))
    assert float((found[0] - found[1]).abs().max() / found[1].abs().max()) <= 1e-10


@pytest.mark.parametrize(("tau_mem", "tau_syn"), RATIOS)
def test_closed_forms_find_the_crossing_that_newtons_method_finds(tau_mem: float, tau_syn: float) -> None:
    neuron, generator = CurrentLIF(tau_mem, tau_syn), torch.Generator().manual_seed(3)
    x = torch.stack((torch.rand(4000, generator=generator, dtype=torch.float64) * 4 - 3,
                     torch.randn(4000, generator=generator, dtype=torch.float64) * 8), -1)[None]  # fmt: skip
    a, b = neuron.rates
    expected = neuron.wait(x)[0]
    waits = [current_lif.wait(current_lif.kind_of(a, b), a, b, 1.0, float(v), float(i)) for v, i in x[0]]
    found = torch.tensor(waits, dtype=torch.float64)
    fires = torch.isfinite(expected)
    assert 400 < int(fires.sum()) < 3600
    assert torch.equal(torch.isfinite(found), fires)
    # A root is as exact as the voltage is, eps, over the slope there.
    state = neuron.flow(x[:, fires], expected[fires][None])[0]
    slope = state[:, 1] - b * state[:, 0]
    assert float(((found - expected)[fires].abs() * slope.clamp(min=1e-6)).max()) <= 1e-13


def test_a_few_states_near_the_tangent() -> None:
    for kind, (a, b) in ((current_lif.EQUAL, (1.0, 1.0)), (current_lif.SLOW_MEMBRANE, (2.0, 1.0))):
        touching = math.e if kind == current_lif.EQUAL else 4.0
        for above in (1e-3, 1e-6, 1e-9, 1e-12):
            s = current_lif.wait(kind, a, b, 1.0, 0.0, touching * (1 + above))
            _, _, k = current_lif.decays(kind, a, b, s)
            assert touching * (1 + above) * k == pytest.approx(1.0, abs=1e-15)
        assert current_lif.wait(kind, a, b, 1.0, 0.0, touching * (1 - 1e-12)) == math.inf


def test_a_tangent_crossing_and_too_many_events_are_refused_with_the_same_words() -> None:
    net = network(1.0, 0.5, recurrent=False)
    messages = []
    for compiled in (True, False):
        net.compiled, net.limit = compiled, 20
        with pytest.raises(OutOfRange) as caught, torch.no_grad():
            net(inputs())
        messages.append(str(caught.value).split(";")[0])
    assert "more than 20" in messages[0]
    one = SpikeTimeNetwork(1, [Population(CurrentLIF(1.0, 1.0), 1)], 3.0)
    with torch.no_grad():
        one.stack()[0].weight.fill_(math.e * (1 + 1e-17))
    with pytest.raises(TangentCrossing, match="slope_floor"):
        EventProp().estimate(one, Events.latencies(torch.zeros(1, 1, dtype=torch.float64)), loss)


def test_kernels_run_what_they_know_and_nothing_that_autograd_records() -> None:
    net, events = network(1.0, 0.5, recurrent=False), inputs()
    first = net.stack()[0]
    assert not net.runs_compiled(first, events)
    with torch.no_grad():
        assert net.runs_compiled(first, events)
        net.compiled = False
        assert not net.runs_compiled(first, events)
        theta = SpikeTimeNetwork(6, [Population(Theta(), 2)], 2.0)
        assert not theta.runs_compiled(theta.stack()[0], events)
        single = network(1.0, 0.5, recurrent=False).to(torch.float32)
        assert not single.runs_compiled(single.stack()[0], events)


def test_what_is_kept_between_the_passes_grows_with_events_and_not_with_time() -> None:
    from neurokit.experiments.bench.exact import HORIZON, _kept, _network

    kept, events = _kept(_network())
    assert _kept(_network(4 * HORIZON)) == (kept, events)
    more, more_events = _kept(_network(single_spike=False))
    assert more_events > 3 * events
    # Final states do not grow, so memory grows a little less than events do; padding adds what samples differ in.
    assert more / kept <= 1.1 * more_events / events


def test_many_spikes_between_two_inputs_come_in_the_order_of_time_and_need_no_limit_to_be_guessed() -> None:
    net = SpikeTimeNetwork(
        1, [Population(CurrentLIF(1.0, 2.0), 40), Population(CurrentLIF(1.0, 2.0), 2)], 3.0, gain=0.5
    )
    with torch.no_grad():
        net.stack()[0].weight.add_(6.0)
        net.stack()[1].weight.add_(0.1)
    events = Events.latencies(torch.tensor([[0.0], [math.inf]], dtype=torch.float64))
    logs, found = [], []
    for net.compiled in (True, False):
        with torch.no_grad():
            logs.append(net.log(events))
        # Nothing that happens after the first spikes of the outputs flows back.
        answer = EventProp().estimate(net, events, lambda outcome: outcome.last.spikes.first(2, 3.0).sum())
        found.append(torch.cat([*(g.flatten() for g in answer.gradient.values()), answer.input_times.flatten()]))
    for fast, plain in zip(*logs, strict=True):
        assert torch.equal(fast.source, plain.source)
        assert torch.allclose(fast.time, plain.time, rtol=0, atol=1e-11)
    # More than the kernels have buckets for one by one, and more than they make room for at first.
    assert int(logs[0][0].own.sum()) > max(current_lif.FEW, 2 * (1 + 40))
    assert float(logs[0][1].own.sum()) > 4
    assert float((found[0] - found[1]).abs().max() / found[1].abs().max()) <= 1e-10
