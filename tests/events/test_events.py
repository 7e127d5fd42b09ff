"""The event loop and the LIF's crossings: against scans and closed forms, at tangents, ties and the horizon."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy.special import lambertw  # noqa: E402

from neurokit.errors import OutOfRange, TangentCrossing  # noqa: E402
from neurokit.events.estimator import SpikeTimeBackprop  # noqa: E402
from neurokit.events.eventprop import EventProp  # noqa: E402
from neurokit.events.events import Events  # noqa: E402
from neurokit.events.forward_propagation import ForwardPropagation  # noqa: E402
from neurokit.events.lif import CurrentLIF  # noqa: E402
from neurokit.events.network import Population, SpikeTimeNetwork  # noqa: E402
from neurokit.experiments.papers.exact_lines import output_times  # noqa: E402
from neurokit.ir.spike_time_grid import Latency  # noqa: E402

pytestmark = pytest.mark.torch

RATIOS = ((1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (1.0, 1.0001), (1.0, 0.3), (0.4, 1.0))
MODES = (SpikeTimeBackprop(), EventProp(), ForwardPropagation())


def one_neuron(
    weights: list[float], horizon: float = 3.0, *, single_spike: bool = False, size: int = 1
) -> SpikeTimeNetwork:
    """A layer of equal neurons, both time constants 1: one pulse w at 0 gives V(t) = w t e^-t, at most w / e."""
    net = SpikeTimeNetwork(len(weights), [Population(CurrentLIF(1.0, 1.0), size, single_spike=single_spike)], horizon)
    with torch.no_grad():
        net.stack()[0].weight.copy_(torch.tensor(weights, dtype=torch.float64)[:, None].expand(-1, size))
    return net


def pulses(*times: float) -> Events:
    return Events.latencies(torch.tensor([times], dtype=torch.float64))


@pytest.mark.parametrize(("tau_mem", "tau_syn"), RATIOS)
def test_the_next_spike_is_the_first_crossing_of_a_dense_scan(tau_mem: float, tau_syn: float) -> None:
    neuron = CurrentLIF(tau_mem, tau_syn)
    generator = torch.Generator().manual_seed(3)
    x = torch.stack((torch.rand(300, generator=generator, dtype=torch.float64) * 2.5 - 1.5,
                     torch.randn(300, generator=generator, dtype=torch.float64) * 5), -1)[None]  # fmt: skip
    found = neuron.wait(x)[0].numpy()
    grid = np.linspace(0, 8, 8001)
    rates = -1 / tau_mem, -1 / tau_syn
    kernel = (np.exp(rates[1] * grid) - np.exp(rates[0] * grid)) / (rates[1] - rates[0]) if tau_mem != tau_syn else (
        grid * np.exp(-grid / tau_mem))  # fmt: skip
    v = x[0, :, :1].numpy() * np.exp(rates[0] * grid) + x[0, :, 1:].numpy() * kernel
    above = v >= 1
    first = np.where(above.any(-1), grid[above.argmax(-1)], math.inf)
    both = np.isfinite(found) & np.isfinite(first)
    assert both.sum() > 30
    assert (np.isfinite(found) >= np.isfinite(first)).all(), "no crossing of the scan is missed"
    assert ((found[both] <= first[both]) & (found[both] > first[both] - 1.001e-3)).all()
    after = neuron.flow(x, torch.as_tensor(np.where(np.isfinite(found), found, 0))[None])[0, :, 0].numpy()
    assert np.abs(after[np.isfinite(found)] - 1).max() <= 4e-15, "the threshold, to rounding of terms up to 10"


@pytest.mark.parametrize("w", [2.72, 3.0, 10.0, 1e4])
def test_spike_times_from_rest_equal_the_closed_forms(w: float) -> None:
    state = torch.tensor([[[0.0, w]]], dtype=torch.float64)
    equal = CurrentLIF(1.0, 1.0).wait(state).item()
    assert equal == pytest.approx(float(-lambertw(-1 / w).real), rel=1e-8)
    # 2 : 1: V = w (x - x^2), x = e^(-s), for a = 2, b = 1.
    if w > 4:
        twice = CurrentLIF(1.0, 0.5).wait(state).item()
        assert twice == pytest.approx(-math.log((1 + math.sqrt(1 - 4 / w)) / 2), rel=1e-11)


def test_a_tangent_crossing_spikes_and_its_derivative_is_refused() -> None:
    for w, spikes in ((math.e * (1 + 1e-9), 1), (math.e * (1 - 1e-9), 0)):
        assert int(one_neuron([w])(pulses(0.0)).last.spikes.real.sum()) == spikes
    # V from the threshold, with a slope of zero.
    touching = torch.tensor([[[1.0, 1.0]]], dtype=torch.float64)
    neuron = CurrentLIF(1.0, 1.0)
    assert neuron.wait(touching).item() == 0
    with pytest.raises(TangentCrossing, match="slope_floor"):
        neuron.crossing(touching)
    with pytest.raises(TangentCrossing, match="touches its threshold"):
        neuron.wait(touching.requires_grad_())
    assert replace(neuron, slope_floor=0.5).crossing(touching)[0, 0, 0].item() == -2


def test_coincident_inputs_in_any_order_are_one_input() -> None:
    net = one_neuron([2.0, 1.5, -0.5])
    summed = one_neuron([3.0])(pulses(0.5)).last.spikes.time
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        events = Events(torch.full((1, 3), 0.5, dtype=torch.float64), torch.tensor([order]))
        assert torch.allclose(net(events).last.spikes.time, summed, rtol=0, atol=1e-14)


def test_neurons_that_spike_at_one_time_all_do() -> None:
    net = one_neuron([3.5], size=4)
    spikes = net(pulses(0.0)).last.spikes
    assert spikes.line.tolist()[0][:4] == [0, 1, 2, 3]
    # Between coincident spikes voltages are decayed by 0 and rounded once more.
    assert float((spikes.time[0, :4] - spikes.time[0, 0]).abs().max()) <= 1e-15
    found = [mode.estimate(net, pulses(0.0), lambda o: o.last.spikes.time.square().sum()) for mode in MODES]
    for other in found[1:]:
        assert torch.allclose(other.gradient["layers.0.weight"], found[0].gradient["layers.0.weight"], rtol=1e-12)


def test_silent_layers_have_zero_gradients_in_all_modes() -> None:
    net = SpikeTimeNetwork(2, [Population(CurrentLIF(1.0, 0.5), 3), Population(CurrentLIF(1.0, 0.5), 2)], 2.0, gain=0.1)
    nothing = Events(torch.zeros(2, 0, dtype=torch.float64), torch.zeros(2, 0, dtype=torch.long))
    for events in (pulses(0.1, 0.2), pulses(math.inf, math.inf), nothing):
        assert not bool(net(events).last.spikes.real.any())
        for mode in MODES:
            found = mode.estimate(net, events, lambda o: o.last.spikes.first(2, o.horizon).sum())
            assert found.loss == 2.0 * 2 * len(events.time)
            assert not any(bool(g.any()) for g in found.gradient.values())


def test_a_spike_at_the_horizon_itself_belongs_to_the_trial() -> None:
    time = one_neuron([4.0])(pulses(0.0)).last.spikes.time[0, 0].item()
    assert one_neuron([4.0], time)(pulses(0.0)).last.spikes.time.tolist() == [[time]]
    assert not bool(one_neuron([4.0], math.nextafter(time, 0))(pulses(0.0)).last.spikes.real.any())


def test_single_spike_mode_keeps_the_first_spike_and_no_other() -> None:
    many, single = (one_neuron([12.0], single_spike=single)(pulses(0.1)).last.spikes for single in (False, True))
    assert many.time.shape[1] > 2
    assert single.time.tolist() == many.time[:, :1].tolist()


def test_more_events_than_the_limit_are_refused_with_layer_and_count() -> None:
    net = one_neuron([50.0])
    net.limit = 10
    with pytest.raises(OutOfRange, match=r"'layers\.0'.*more than 10 \(9 of them its own spikes"):
        net(pulses(0.1))


def test_events_say_what_is_wrong_with_them() -> None:
    line = torch.tensor([[0, 0]])
    for time, message in (([[0.2, 0.1]], "ascending"), ([[-1.0, 0.1]], ">= 0"), ([[math.nan, 1.0]], ">= 0")):
        with pytest.raises(OutOfRange, match=message):
            Events(torch.tensor(time), line)
    with pytest.raises(OutOfRange, match="line of an input event"):
        one_neuron([1.0])(pulses(0.1, 0.2))


def test_staggered_lines_tell_a_grid_what_one_line_cannot() -> None:
    grid, steps, copies = Latency(0.2), 10, 4
    time = torch.arange(1, 8 * steps, 2, dtype=torch.float64)[:, None] / 40  # four a step
    staggered = Events.latencies(time).staggered(1, copies, grid.dt / copies)
    assert staggered.counts(copies).tolist() == [[1] * copies] * len(time)
    torch.testing.assert_close(staggered.first(copies)[:, 3], time[:, 0] + 0.15, rtol=1e-15, atol=0)
    told = grid.steps(staggered.first(copies)).sum(-1)
    assert len(told.unique()) == copies * steps > len(grid.steps(time).unique()) == steps
    assert bool((told.diff() >= 0).all())


def test_copies_of_lines_that_are_none_are_refused() -> None:
    events = Events.latencies(torch.tensor([[0.5]]))
    for copies, apart, name in ((0, 0.1, "copies"), (2, -0.1, "apart"), (2, math.nan, "apart")):
        with pytest.raises(OutOfRange, match=name):
            events.staggered(1, copies, apart)


def test_output_times_of_theta_neurons_never_jump_and_those_of_a_lif_do() -> None:
    """Along lines through weight space: the largest step of the output's time falls with the step only for Theta."""

    def largest_step(theta: bool, points: int, seed: int) -> float:
        times = output_times(theta, np.linspace(-1, 1, points), seed)
        assert np.ptp(times) > 0.1
        return float(np.abs(np.diff(times)).max())

    for seed in (5, 6):
        assert largest_step(True, 61, seed) < 0.5 * largest_step(True, 21, seed)
    assert largest_step(False, 61, 5) > 0.9 * largest_step(False, 21, 5) > 0.3
