"""Probes: perturbations of currents, signs that every sample and neuron has of its own, and the gradient they tell.

Along the probe k of a layer its current moves by `v_k[b, n] e_k[b, t]` in sample b, neuron n and step t. With the slope
or difference l_k[b] of the sample's loss along all probes of k,

    g_W = 1 / K sum_k sum_b l_k[b] v_k[b, n] (sum_t e_k[b, t] x[b, t])^T,   g_bias with x = 1

for what the synapses received, x. Where that is held over the window, e is 1 throughout. Behind spikes either e is
random signs, so that what other neurons and steps do cancels on average, or the probe is held there too (`e = 1`), and
the mean of x over the window stands for its course: less noise, but a bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int8

from neurokit.ir.program import Dense, Program, Readout, Spiking
from neurokit.ir.signals import Signal
from neurokit.learning.counter_rng import CounterRNG, Purpose
from neurokit.learning.directions import Directions
from neurokit.simulator.batched_weights import Values, samples_in
from neurokit.simulator.plastic_weights import Field, Plastic, behind, by_layer


@dataclass(frozen=True, eq=False)
class Probe:
    """How the current of a layer moves along K probes: `signs (K, samples, size)`, times `course (K, samples, steps)`.

    Without a course it is held over the window.
    """

    signs: Int8[np.ndarray, "K samples size"]
    course: Int8[np.ndarray, "K samples steps"] | None = None

    def some(self, part: slice) -> Probe:
        """Some of the probes."""
        return Probe(self.signs[part], None if self.course is None else self.course[part])

    def held(self) -> Float32[np.ndarray, "K samples size"]:
        """The tangent of a held current."""
        assert self.course is None, "the current of a total or an input is held"
        return self.signs.astype(np.float32)

    def series(self, steps: int) -> Float32[np.ndarray, "K samples steps size"]:
        """The tangent of a current that has a course of time."""
        if self.course is None:
            return np.repeat(self.signs[:, :, None].astype(np.float32), steps, axis=2)
        return np.asarray(self.signs[:, :, None] * self.course[..., None], np.float32)


def static_perturbations(
    program: Program,
    tensors: Sequence[Plastic],
    layers: Sequence[str],
    values: Values,
    directions: Directions,
    step: int,
) -> dict[str, Probe]:
    """Random signs held over the window, for every layer; their seed is that of `directions`."""
    counters = CounterRNG(directions.seed)
    found = {}
    for layer, own in _of(tensors, layers).items():
        shape = _shape(program, layer, values)
        drawn = [
            counters.signs(Purpose.CURRENT, step, own[0].channel, k, shape[0] * shape[1]).reshape(shape)
            for k in range(directions.count)
        ]
        found[layer] = Probe(np.stack(drawn))
    return found


def time_varying_perturbations(
    program: Program,
    tensors: Sequence[Plastic],
    layers: Sequence[str],
    values: Values,
    directions: Directions,
    step: int,
) -> dict[str, Probe]:
    """Directions of the neurons of every layer, signed at random for every sample; behind spikes also for every step.

    Readouts weigh the course of time themselves and are linear: their probe is held, of the total.
    """
    counters = CounterRNG(directions.seed)
    found = {}
    for layer, own in _of(tensors, layers).items():
        samples, size = _shape(program, layer, values)
        sigma = counters.signs(Purpose.CURRENT, step, own[0].channel, 0, samples * size).reshape(samples, size)
        signs = directions.of(step, own[0].channel, (size,))[:, None] * sigma
        course = None
        if _hears_spikes(program, layer) and behind(program, layer, Readout) is None:
            course = np.stack(
                [
                    counters.signs(Purpose.CURRENT, step, own[0].channel, 1 + k, samples * program.steps)
                    for k in range(directions.count)
                ]
            ).reshape(-1, samples, program.steps)
        found[layer] = Probe(signs, course)
    return found


def local_gradient(
    program: Program, tensors: Sequence[Plastic], values: Values, probes: Mapping[str, Probe], change: np.ndarray
) -> dict[str, np.ndarray]:
    """The gradient by tensor, in loss per unit, from `change (K, ..., outputs)` of every entry's loss along the probes.

    The three factors: what was received, what was tried, and how the loss of the sample answered.
    """
    found: dict[str, np.ndarray] = {}
    for layer, own in _of(tensors, tuple(probes)).items():
        node, probe, readout = _dense(program, layer), probes[layer], behind(program, layer, Readout)
        batch = values.batch[layer]
        spread = (len(change), *batch, *[1] * (change.ndim - 1 - len(batch)))
        others = tuple(i for i in range(1, change.ndim) if spread[i] == 1 and change.shape[i] > 1)
        # A sample's loss is a mean over its entries; the mean over samples is part of the gradient.
        effect = change.mean(axis=others).reshape(len(change), -1) / samples_in(batch)
        current = effect[:, :, None] * probe.signs / len(change)
        received = values.value[node.source][0].astype(np.float64)
        if probe.course is None:
            summed = current.sum(axis=0)
            if received.ndim == 3:  # spikes: their mean over the window, weighted as the readout does
                weights = np.ones(program.steps) if readout is None else readout.rule.weights(program.steps)
                received = np.einsum("t,stn->sn", weights / weights.sum(), received)
            by_weight, by_bias = summed.T @ received, summed.sum(axis=0)
        else:
            trace = np.matmul(probe.course.astype(np.float64)[:, :, None], received)[:, :, 0]  # (K, samples, lines)
            by_weight = np.einsum("ksn,ksm->nm", current, trace, optimize=True)
            by_bias = np.einsum("ksn,ks->n", current, probe.course.sum(axis=2), optimize=True)
        for tensor in own:
            if tensor.field is Field.OFFSET:
                assert readout is not None, "offsets are those of readouts"
                gradient = by_bias / readout.rule.normaliser(program.steps)
            else:
                gradient = (by_weight if tensor.field is Field.WEIGHT else by_bias) * 2.0**node.exponent
            found[tensor.name] = gradient * tensor.unit
    return found


def threshold_of(program: Program, layer: str) -> int:
    """The threshold of the neurons behind a layer, or the largest weight before a readout, in units of the current."""
    population = behind(program, layer, Spiking)
    return 128 << max(_dense(program, layer).exponent, 0) if population is None else population.threshold


def _of(tensors: Sequence[Plastic], layers: Sequence[str]) -> dict[str, tuple[Plastic, ...]]:
    return {layer: own for layer, own in by_layer(tensors).items() if layer in layers}


def _shape(program: Program, layer: str, values: Values) -> tuple[int, int]:
    return samples_in(values.batch[layer]), _dense(program, layer).shape[0]


def _hears_spikes(program: Program, layer: str) -> bool:
    return program.ports[layer].signal is Signal.SERIES


def _dense(program: Program, layer: str) -> Dense:
    node = program[layer]
    assert isinstance(node, Dense), "layers are synapses"
    return node
