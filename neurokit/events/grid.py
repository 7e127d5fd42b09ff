"""GridEventProp: exact gradients for networks whose spikes lie on a grid of time, as they do on a chip.

On a chip a neuron is looked at once a step. In between, currents and voltages move as in continuous time, so the grid
changes three things alone: a spike is at the first grid time after its crossing, a crossing that is over before the
next grid time is none, and the reset is at that grid time. This module simulates networks under exactly these rules,
which are those of the Graph that `neurokit.compilers.frontend.spike_times` makes, and gives the gradient of EventProp
with the rounding of spike times taken for the identity (straight-through), so that training sees what deployment will
do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from neurokit.errors import UnsupportedNode
from neurokit.events.compiled import neuron_of
from neurokit.events.estimator import ExactGradient, Loss, SpikeTimeEstimator, slopes_of
from neurokit.events.events import Events, Log
from neurokit.events.lif import CurrentLIF
from neurokit.events.network import Outcome, SpikeTimeLayer, SpikeTimeNetwork
from neurokit.ir.spike_time_grid import Latency


@dataclass(frozen=True, eq=False)
class _Run:
    """One layer on the grid: what came in and went out at every grid time.

    `slope` is dV/dt where the voltage of each spike really crossed, anything elsewhere.
    """

    given: Int[Tensor, "batch times m"]
    fired: Bool[Tensor, "batch times n"]
    slope: Float[Tensor, "batch times n"]
    final: Float[Tensor, "batch n 2"]


@dataclass(frozen=True)
class GridEventProp(SpikeTimeEstimator):
    """EventProp on a grid of `dt`, in units of the neurons' time.

    Forward, with V and I at the grid times n dt, `g = k(dt)` (see CurrentLIF) and inputs at `Latency(dt).steps(t) dt`:

        V <- e^(-b dt) V + g I;  I <- e^(-a dt) I;  s = V > threshold;  V <- V (1 - s);  I <- I + pulses at n dt

    Backward, the adjoint of the continuous network at these times; a spike divides by dV/dt where V really crossed,
    between the last two grid times. The gradient is exact in the limit of small steps, and the simulation, unlike the
    one in continuous time, costs the same however many spikes there are.

    For CurrentLIF neurons, recurrent or not. Raises UnsupportedNode for other neurons and single-spike populations,
    OutOfRange for a horizon that is not a whole number of steps. `compiled` uses numba's kernels where it is
    installed and tensors are on the CPU; the spikes are the same.
    """

    dt: float
    compiled: bool = True

    def __post_init__(self) -> None:
        _ = self.grid

    @property
    def grid(self) -> Latency:
        """The grid; raises OutOfRange for a `dt` that is none."""
        return Latency(self.dt)

    def estimate(self, network: SpikeTimeNetwork, events: Events, loss: Loss) -> ExactGradient:
        events = network.accept(events)
        with torch.no_grad():
            layers = network.stack()
            runs = self._simulate(network, events)
            slopes = slopes_of(network, self._logs(runs, layers, network.horizon), loss)
            names = [name for name, _ in network.named_parameters()]
            gradient = dict(zip(names, slopes.parameters, strict=True))
            from_above: Tensor | None = None  # by the times of the spikes of the layer at hand
            for number in reversed(range(len(layers))):
                run = runs[number]
                by_spike = run.final.new_zeros(run.fired.shape) if from_above is None else from_above
                if bool(slopes.times[number].any()):
                    by_spike[run.fired] += slopes.times[number][_kept(run.fired)]
                # A sum's derivative is one number seen at every place.
                back = self._back(layers[number], run, by_spike, slopes.finals[number].contiguous())
                gradient[f"layers.{number}.weight"] = gradient[f"layers.{number}.weight"] + back[0]
                if back[1] is not None:
                    gradient[f"layers.{number}.recurrent"] = gradient[f"layers.{number}.recurrent"] + back[1]
                from_above = back[2]
        assert from_above is not None
        steps = self._steps(events)
        late = steps >= from_above.shape[1]
        rows = torch.arange(len(steps), device=steps.device)[:, None]
        by_input = from_above[rows, torch.where(late, 0, steps), events.line]
        return ExactGradient(slopes.loss, gradient, torch.where(late, 0.0, by_input))

    @torch.no_grad()
    def outcome(self, network: SpikeTimeNetwork, events: Events) -> Outcome:
        """A trial of the network on the grid; spikes are at multiples of `dt`."""
        runs = self._simulate(network, events)
        return network.outcome(self._logs(runs, network.stack(), network.horizon))

    def _steps(self, events: Events) -> Int[Tensor, "batch events"]:
        """The grid times of input events in steps; of filling, one beyond every horizon."""
        never = torch.iinfo(torch.int64).max
        whole = torch.where(events.real, events.time, 0.0)
        return torch.where(events.real, self.grid.steps(whole), never)

    def _simulate(self, network: SpikeTimeNetwork, events: Events) -> list[_Run]:
        events = network.accept(events)
        layers = network.stack()
        last = self.grid.count(network.horizon)
        steps, weight = self._steps(events), layers[0].weight
        here = steps <= last
        given = torch.zeros(len(steps), last + 1, network.inputs, dtype=torch.int32, device=weight.device)
        rows = torch.arange(len(steps), device=steps.device)[:, None].expand(steps.shape)
        given.index_put_((rows[here], steps[here], events.line[here]), given.new_ones(()), accumulate=True)
        runs: list[_Run] = []
        for number, layer in enumerate(layers):
            require_grid(layer, f"layers.{number}")
            runs.append(self._forward(layer, given))
            given = runs[-1].fired.to(torch.int32)
        return runs

    def _forward(self, layer: SpikeTimeLayer, given: Int[Tensor, "batch times m"]) -> _Run:
        weight, size = layer.weight, layer.population.size
        fired = torch.zeros(*given.shape[:2], size, dtype=torch.bool, device=weight.device)
        slope, final = weight.new_zeros(fired.shape), weight.new_zeros(len(given), size, 2)
        arrays = (given, *self._constant(layer), fired, slope, final)
        if self.compiled and _has_kernels(weight):
            from neurokit.events import grid_kernels

            grid_kernels.forward(*map(_array, arrays))
        else:
            _forward(*arrays)
        return _Run(given, fired, slope, final)

    def _back(
        self,
        layer: SpikeTimeLayer,
        run: _Run,
        by_spike: Float[Tensor, "batch times n"],
        by_final: Float[Tensor, "batch n 2"],
    ) -> tuple[Tensor, Tensor | None, Float[Tensor, "batch times m"]]:
        """Slopes by weights, recurrent weights, and the times of what came in."""
        _require_crossings(neuron_of(layer), run)
        weight, recurrent, constants = self._constant(layer)
        by_weight, by_recurrent = torch.zeros_like(weight), torch.zeros_like(recurrent)
        by_given = torch.zeros(run.given.shape, dtype=weight.dtype, device=weight.device)
        arrays = (run.given, run.fired, weight, recurrent, constants, run.slope, by_spike, by_final)
        into = (by_weight, by_recurrent, by_given)
        if self.compiled and _has_kernels(weight):
            from neurokit.events import grid_kernels

            grid_kernels.backward(*map(_array, (*arrays, *into)))
        else:
            _backward(*arrays, *into)
        return by_weight, None if layer.recurrent is None else by_recurrent, by_given

    def _constant(self, layer: SpikeTimeLayer) -> tuple[Tensor, Tensor, Float[Tensor, "8"]]:
        """Weight, recurrent weight ((0, 0) without) and the constants of a layer, in the order of the kernels."""
        neuron, weight = neuron_of(layer), layer.weight.detach()
        recurrent = weight.new_zeros(0, 0) if layer.recurrent is None else layer.recurrent.detach()
        rest = neuron.threshold, 1 / neuron.tau_syn, 1 / neuron.tau_mem, self.dt, neuron.slope_floor
        return weight, recurrent, weight.new_tensor([*sampled(neuron, self.dt), *rest])

    def _logs(self, runs: Sequence[_Run], layers: Sequence[SpikeTimeLayer], horizon: float) -> list[Log]:
        logs = []
        for run, layer in zip(runs, layers, strict=True):
            _, n, line = run.fired.nonzero(as_tuple=True)  # by sample, then in the order of time
            kept = _kept(run.fired)
            final = run.final
            shape = len(run.fired), int(run.fired.sum((1, 2)).max()) if len(run.fired) else 0
            time = final.new_full(shape, horizon)
            time[kept] = n.to(time.dtype) * self.dt
            source = torch.full(shape, -1, dtype=torch.long, device=time.device)
            lines = len(layer.weight)
            source[kept] = lines + line
            logs.append(Log(time, source, torch.full_like(source, -1), final.new_zeros(*shape, 2), None, final, lines))
        return logs


def _forward(
    given: Int[Tensor, "batch times m"],
    weight: Float[Tensor, "m n"],
    recurrent: Float[Tensor, "n n"] | Float[Tensor, "0 0"],
    constants: Float[Tensor, "8"],
    fired: Bool[Tensor, "batch times n"],
    slope: Float[Tensor, "batch times n"],
    final: Float[Tensor, "batch n 2"],
) -> None:
    """What the kernel does, on any device."""
    alpha, beta, gain, threshold, a, b, dt, _ = constants.tolist()
    pulses = given.to(weight.dtype) @ weight
    times = given.shape[1]
    v, i = torch.zeros_like(pulses[:, 0]), pulses[:, 0]
    flow = CurrentLIF(1 / b, 1 / a, threshold)
    for n in range(1, times):
        before = torch.stack((v, i), -1)
        v, i = beta * v + gain * i, alpha * i
        fired[:, n] = v > threshold
        some = before[fired[:, n]][None]
        slope[:, n][fired[:, n]] = flow.velocity(flow.flow(some, flow.wait(some).clamp(max=dt)))[0, :, 0]
        v = v.masked_fill(fired[:, n], 0.0)
        if n == times - 1:
            break  # a pulse at the horizon itself moves nothing that a loss can see
        i = i + pulses[:, n]
        if len(recurrent):
            i = i + fired[:, n].to(i.dtype) @ recurrent
    final.copy_(torch.stack((v, i), -1))


def _backward(
    given: Int[Tensor, "batch times m"],
    fired: Bool[Tensor, "batch times n"],
    weight: Float[Tensor, "m n"],
    recurrent: Float[Tensor, "n n"] | Float[Tensor, "0 0"],
    constants: Float[Tensor, "8"],
    slope: Float[Tensor, "batch times n"],
    by_spike: Float[Tensor, "batch times n"],
    by_final: Float[Tensor, "batch n 2"],
    by_weight: Float[Tensor, "m n"],
    by_recurrent: Float[Tensor, "n n"] | Float[Tensor, "0 0"],
    by_given: Int[Tensor, "batch times m"],
) -> None:
    """What the kernel does, on any device."""
    alpha, beta, gain, threshold, a, b, _, floor = constants.tolist()
    lam_v, lam_i = by_final[..., 0], by_final[..., 1]
    by_pulse = torch.zeros_like(by_spike)  # lambda_I at every grid time
    moving = torch.zeros_like(by_spike)  # lambda_V - a lambda_I, by which a pulse's time enters
    crossing = torch.where(fired, -1 / slope.clamp(min=floor), 0.0)
    last = by_spike.shape[1] - 1
    for n in reversed(range(last + 1)):
        if n < last:
            lam_i = alpha * lam_i + gain * lam_v
            lam_v = beta * lam_v
            by_pulse[:, n] = lam_i
            moving[:, n] = lam_v - a * lam_i
        mu = by_spike[:, n] - threshold * b * lam_v
        if len(recurrent):
            mu = mu - moving[:, n] @ recurrent.T
        lam_v = lam_v + crossing[:, n] * mu
    flat = by_pulse.flatten(0, 1)
    by_weight += given.flatten(0, 1).to(flat.dtype).T @ flat
    by_given -= (moving @ weight.T) * (given != 0)
    if len(recurrent):
        by_recurrent += fired.flatten(0, 1).to(flat.dtype).T @ flat


def sampled(neuron: CurrentLIF, dt: float) -> tuple[float, float, float]:
    """`(alpha, beta, g)`: what is left of I and of V after a step, and what a current of 1 adds to V in it.

    `g = (e^(-a dt) - e^(-b dt)) / (b - a)`, for equal time constants `dt e^(-a dt)`: with it the voltage of the
    discrete neuron is that of the continuous one at every grid time.
    """
    a, b = 1 / neuron.tau_syn, 1 / neuron.tau_mem
    apart = abs(a - b)
    gain = math.exp(-min(a, b) * dt) * (-math.expm1(-apart * dt) / apart if apart else dt)
    return math.exp(-a * dt), math.exp(-b * dt), gain


def _require_crossings(neuron: CurrentLIF, run: _Run) -> None:
    """Raise TangentCrossing, as the neuron does, where a voltage touched its threshold and the gradient is infinite."""
    if neuron.slope_floor or not bool(((run.slope <= 0) & run.fired).any()):
        return
    worst = run.slope[run.fired].min()
    neuron.crossing(torch.stack((worst * 0 + neuron.threshold, worst + neuron.threshold / neuron.tau_mem))[None, None])


def _kept(fired: Bool[Tensor, "batch times n"]) -> tuple[Tensor, Tensor]:
    """Row and place of every spike among those of its sample, in the order of `nonzero`."""
    counts = fired.sum((1, 2))
    row = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    first = torch.cumsum(counts, 0) - counts
    return row, torch.arange(len(row), device=counts.device) - first[row]


def _has_kernels(weight: Tensor) -> bool:
    """Whether numba's kernels run a layer with these weights."""
    return weight.device.type == "cpu" and find_spec("numba") is not None


def _array(tensor: Tensor) -> np.ndarray:
    """A tensor's memory as the kernels see it, which they write to."""
    assert tensor.is_contiguous()
    return np.asarray(tensor)


def require_grid(layer: SpikeTimeLayer, name: str) -> CurrentLIF:
    """The neuron of a layer. Raises UnsupportedNode unless it is what a chip's current-based neuron is."""
    population = layer.population
    kind = type(population.neuron).__name__
    if type(population.neuron) is not CurrentLIF:
        raise UnsupportedNode(name, kind, "a grid of time", "it is no CurrentLIF", "Build the layer of CurrentLIF.")
    if population.single_spike:
        raise UnsupportedNode(
            name, kind, "a grid of time", "it may spike once only, which no neuron on a chip is told",
            "Train with single_spike=False.",
        )  # fmt: skip
    return population.neuron
