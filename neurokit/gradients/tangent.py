"""tangent: a network's output and its derivatives along given directions, in one forward pass.

No autograd graph is built; memory does not grow with the number of time steps. Directions are numbered along a
leading axis. A layer under a held current has one sensitivity `A[t] = ds[t]/dz` for all directions, because
`ds[t] = A[t] dz`: its recurrence is run once, and each direction costs one matrix product (the collapsed form). When
it is the only spiking layer, even time disappears: `d phi = G dz` with the gain `G = sum_t w[t] A[t] / sum_t w[t]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import singledispatch
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import UnsupportedNode
from neurokit.gradients import compiled_tangent
from neurokit.gradients.dual import Dual, firing
from neurokit.gradients.scopes import Scope
from neurokit.networks.compiled import compiled as compiled_networks
from neurokit.networks.compiled import has_kernels
from neurokit.networks.contraction import contract
from neurokit.networks.mlp import MLP
from neurokit.networks.operator_network import OperatorNetwork
from neurokit.neurons.models import Neuron

#: Directions of parameters by name, `(directions, *shape of the parameter)`; a parameter without one is held fixed.
Directions = Mapping[str, Tensor]


class JVPConfig(NamedTuple):
    """How to run the tangent pass: how layers share directions, and whether compiled kernels may be used."""

    scope: Scope
    compiled: bool = True


class JVPResult(NamedTuple):
    """A value and its tangents along all directions; no tangent means that it does not depend on them."""

    value: Float[Tensor, "*batch n"]
    tangent: Float[Tensor, "rows *batch n"] | None


@singledispatch
def layers(model: nn.Module) -> list[tuple[str, ...]]:
    """Names of the parameters of every layer, in the order in which `tangent` joins them."""
    raise _unsupported(model)


@layers.register
def _(model: MLP) -> list[tuple[str, ...]]:
    spiking = [
        (f"hidden.{i}.weight", f"hidden.{i}.bias", *(f"neurons.{i}.{field}" for field in model.learned(i)))
        for i in range(len(model.hidden))
    ]
    return [*spiking, ("readout.weight", "readout.bias")]


@layers.register
def _(model: OperatorNetwork) -> list[tuple[str, ...]]:
    below = (tuple(f"{part}.{n}" for n in names) for part, mlp in model.parts.items() for names in layers(mlp))
    return [*below, ("bias",)]


@torch.no_grad()
def tangent(model: nn.Module, inputs: tuple[Tensor, ...], directions: Directions, way: JVPConfig) -> JVPResult:
    """Output of `model` and its tangents along `directions`.

    Under the scope Global row k of the tangent belongs to direction k of all parameters; under Layerwise the rows of
    one layer follow those of another, in the order of `layers`. Raises UnsupportedNode for a model without a rule.
    """
    return jvp(model, inputs, directions, way)


@singledispatch
def jvp(model: nn.Module, inputs: tuple[Tensor, ...], directions: Directions, way: JVPConfig) -> JVPResult:
    """The rule of `tangent` for a type of network; runs without autograd."""
    raise _unsupported(model)


@jvp.register
def _(model: MLP, inputs: tuple[Tensor, ...], directions: Directions, way: JVPConfig) -> JVPResult:
    (x,) = inputs
    batch = x.shape[:-1]
    z = _linear(model, "hidden.0", JVPResult(x.reshape(-1, x.shape[-1]), None), directions, way)
    if len(model.hidden) == 1 and not _moving(model, 0, directions):
        phi = _single_layer(model, z, way)
    elif way.compiled and has_kernels(model, x):
        phi = JVPResult(*compiled_tangent.push_features(model, z.value, z.tangent, directions, way.scope))
    else:
        phi = _deep(model, z, directions, way)
    y, dy = _linear(model, "readout", phi, directions, way)
    return JVPResult(y.reshape(*batch, -1), None if dy is None else dy.reshape(len(dy), *batch, -1))


@jvp.register
def _(model: OperatorNetwork, inputs: tuple[Tensor, ...], directions: Directions, way: JVPConfig) -> JVPResult:
    pushed = [
        jvp(part, (x,), within(f"{name}.", directions), way)
        for (name, part), x in zip(model.parts.items(), model.present(inputs), strict=True)
    ]
    factors = [value for value, _ in pushed]
    y = contract(*factors) + model.bias
    rows: list[Tensor | None] = []
    for i, (_, moved) in enumerate(pushed):  # the product rule: one factor moves, the others stand still
        # The axis of directions comes before all leading axes of the answer.
        aligned = (
            None if moved is None else moved.reshape(len(moved), *[1] * (y.ndim - moved.ndim + 1), *moved.shape[1:])
        )
        rows.append(None if aligned is None else contract(*factors[:i], aligned, *factors[i + 1 :]))
    dc = directions.get("bias")
    rows.append(None if dc is None else dc.reshape(-1, *[1] * y.ndim).expand(-1, *y.shape))
    return JVPResult(y, way.scope.join(*rows))


@torch.no_grad()
def features_and_gain(
    model: MLP, z: Float[Tensor, "batch n"], compiled: bool
) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch n"]]:
    """Features of the first layer under the held current `z`, and their derivative with respect to it."""
    if compiled and has_kernels(model, z):
        return compiled_tangent.features_and_gain(model, z)
    a, fire, neuron = Dual(z, torch.ones_like(z)), firing(model.drawn_surrogate), model.neuron_at(0)
    u: Any = neuron.start(0.0)
    phi, gain = torch.zeros_like(z), torch.zeros_like(z)
    for weight in model.rule.weights(model.steps).tolist():
        _, s, u = neuron.step(u, a, fire)
        phi.add_(s.value, alpha=weight)
        gain.add_(s.tangent, alpha=weight)
    normaliser = model.rule.normaliser(model.steps)
    return phi.div_(normaliser), gain.div_(normaliser)


@torch.no_grad()
def features(model: MLP, x: Float[Tensor, "*batch inputs"], compiled: bool = True) -> Float[Tensor, "*batch width"]:
    """`model.features(x)` without gradients, by compiled kernels where there are some."""
    with compiled_networks(model) if compiled else nullcontext():
        return model.features(x)


def _single_layer(model: MLP, z: JVPResult, way: JVPConfig) -> JVPResult:
    phi, gain = features_and_gain(model, z.value, way.compiled)
    return JVPResult(phi, None if z.tangent is None else gain * z.tangent)


def _deep(model: MLP, z: JVPResult, directions: Directions, way: JVPConfig) -> JVPResult:
    fire = firing(model.drawn_surrogate)
    neurons = [model.neuron_at(i) for i in range(len(model.hidden))]
    states: list[Any] = [neuron.start(0.0) for neuron in neurons]
    total = z.value.new_zeros(())
    dtotal: Tensor | None = None

    def spike(i: int, a: JVPResult, below: Tensor | None) -> JVPResult:
        neuron, a = _moved(model, neurons[i], i, a, below, directions, way)
        # A layer below which nothing moves still needs a tangent to run on: zeros, which broadcast.
        current = Dual(a.value, torch.zeros_like(a.value) if a.tangent is None else a.tangent)
        _, s, states[i] = neuron.step(states[i], current, fire)
        return JVPResult(s.value, None if a.tangent is None else s.tangent)

    collapsed = not _moving(model, 0, directions)
    held = Dual(z.value, torch.ones_like(z.value))
    for weight in model.rule.weights(model.steps).tolist():
        if collapsed:
            _, first, states[0] = neurons[0].step(states[0], held, fire)
            s = JVPResult(first.value, None if z.tangent is None else first.tangent * z.tangent)
        else:
            s = spike(0, z, None)
        for i in range(1, len(model.hidden)):
            s = spike(i, _linear(model, f"hidden.{i}", s, directions, way), s.tangent)
        total = torch.add(total, s.value, alpha=weight)
        if s.tangent is not None:
            dtotal = torch.add(z.value.new_zeros(()) if dtotal is None else dtotal, s.tangent, alpha=weight)
    normaliser = model.rule.normaliser(model.steps)
    return JVPResult(total / normaliser, None if dtotal is None else dtotal / normaliser)


def _moving(model: MLP, layer: int, directions: Directions) -> list[str]:
    """Fields of the neurons of a layer that move along some direction."""
    return [field for field in model.learned(layer) if f"neurons.{layer}.{field}" in directions]


def _moved(
    model: MLP, neuron: Neuron, layer: int, a: JVPResult, below: Tensor | None, directions: Directions, way: JVPConfig
) -> tuple[Neuron, JVPResult]:
    """The neuron with Duals for the fields that move, and its current with a row of tangent for each of theirs."""
    fields = _moving(model, layer, directions)
    if not fields:
        return neuron, a
    values = model.learned(layer)
    rows = {name: directions[f"neurons.{layer}.{name}"].reshape(-1, 1, 1) for name in fields}
    # Rows of other layers, under Layerwise, do not move the neuron; rows of this one may not move its current.
    still = None if below is None else below.new_zeros(len(below), 1, 1)
    moved = {
        name: Dual(values[name], joined)
        for name, row in rows.items()
        if (joined := way.scope.join(still, row * neuron.spans[name].slope(values[name]))) is not None
    }
    count = max(len(dual.tangent) for dual in moved.values())
    if a.tangent is None or len(a.tangent) < count:
        own = a.value.new_zeros(len(next(iter(rows.values()))), *a.value.shape)
        a = JVPResult(a.value, way.scope.join(a.tangent, own))
    parts: dict[str, Any] = moved
    return replace(neuron, **parts), a


def _linear(model: MLP, name: str, x: JVPResult, directions: Directions, way: JVPConfig) -> JVPResult:
    """`W x + b` with tangents `W dx` from below and `dW x + db` of the layer's own."""
    layer = model.get_submodule(name)
    weight, bias = directions.get(f"{name}.weight"), directions.get(f"{name}.bias")
    own = None
    if weight is not None:
        own = x.value.expand(len(weight), *x.value.shape).bmm(weight.transpose(1, 2))
    if bias is not None:
        own = bias[:, None, :].expand(-1, len(x.value), -1) if own is None else own.add_(bias[:, None, :])
    below = None if x.tangent is None else x.tangent @ layer.weight.T
    return JVPResult(layer(x.value), way.scope.join(below, own))


def within(prefix: str, directions: Directions) -> Directions:
    """Directions of the parameters whose names begin with `prefix`, by the rest of the name."""
    return {name.removeprefix(prefix): v for name, v in directions.items() if name.startswith(prefix)}


def _unsupported(model: nn.Module) -> UnsupportedNode:
    return UnsupportedNode(
        "model", type(model).__name__, "the tangent pass", "it has no rule", "Use Backprop(), or add rules for it."
    )
