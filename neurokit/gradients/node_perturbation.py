"""NodePerturbation: gradients from what a disturbance of the neurons' currents does to the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.errors import UnsupportedNode
from neurokit.gradients.compiled_nodes import push_nodes
from neurokit.gradients.delta_rule import errors, rule
from neurokit.gradients.directions import Bernoulli, Distribution, require_directions
from neurokit.gradients.dual import Dual, firing
from neurokit.gradients.estimator import Batch, Estimate, Estimator
from neurokit.gradients.tangent import features_and_gain
from neurokit.networks.compiled import has_kernels
from neurokit.networks.mlp import MLP
from neurokit.networks.noise import noise_from
from neurokit.networks.parts import parts


@dataclass(frozen=True)
class NodePerturbation(Estimator):
    """Node perturbation with K = `directions` tangents of the input currents of every layer of neurons.

    Per sample and layer, the current `a` moves along `v_k e_k[t]`; the tangent pass gives the slope `l_k` of the loss
    along it, and the delta rule turns it into gradients of the layer's weight and bias,

        dW = 1/K sum_k l_k v_k (sum_t e_k[t] s[t])^T,  db = 1/K sum_k l_k v_k sum_t e_k[t],

    where s are the layer's inputs. A current that is held over the window (the first layer's) moves by a held `v_k`:
    there both sums over time are the held input and 1. In deeper layers the signs `e_k[t]` are random, so that inputs
    of other time steps cancel on average. Rows v of `distribution` are drawn once a layer and signed at random for
    every sample. Readouts are linear behind the neurons and get their exact gradient.

    The estimate is unbiased; its variance grows with the number of neurons, not of weights. With one hidden layer and
    as many Hadamard rows as neurons (a power of two) it is the gradient itself. `compiled` as in ForwardGradient.

    Raises OutOfRange for less than one direction, UnsupportedNode for a network without a rule and for
    trained values of neurons.

    Source: Werfel, Xie, Seung 2005, doi:10.1162/089976605774320539 (node perturbation), with exact slopes in
    place of finite differences.
    """

    directions: int = 1
    distribution: Distribution = field(default_factory=Bernoulli)
    compiled: bool = True

    def __post_init__(self) -> None:
        require_directions(self, self.directions)

    @torch.no_grad()
    def estimate(self, model: nn.Module, batch: Batch, generator: torch.Generator, trained: Sequence[str]) -> Estimate:
        pieces = parts(model, batch.inputs)
        with noise_from(generator, model):
            probes = [self._probe(part.mlp, part.x.reshape(-1, part.mlp.inputs), generator) for part in pieces]
        outputs = [
            part.mlp.readout(probe.features).reshape(*part.x.shape[:-1], -1)
            for part, probe in zip(pieces, probes, strict=True)
        ]
        loss, of_outputs, gradient = errors(model, outputs, batch.target)
        for part, probe, error in zip(pieces, probes, of_outputs, strict=True):
            error = error.reshape(-1, part.mlp.outputs)
            found = {"readout": rule(error, probe.features)}
            slopes = torch.einsum("rbn,bn->rb", probe.moved, error @ part.mlp.readout.weight)
            for i, (slope, layer) in enumerate(zip(slopes.split(self.directions), probe.layers, strict=True)):  # type: ignore[no-untyped-call]
                nudge = slope[..., None] * layer.nodes / self.directions
                found[f"hidden.{i}"] = (
                    torch.einsum("kbn,kbm->nm", nudge, layer.inputs.expand(len(nudge), -1, -1)),
                    torch.einsum("kbn,kb->n", nudge, layer.ones.expand(nudge.shape[:2])),
                )
            for name, (weight, bias) in found.items():
                gradient |= {f"{part.prefix}{name}.weight": weight, f"{part.prefix}{name}.bias": bias}
        for name in set(trained) - set(gradient):
            raise UnsupportedNode(
                name, "Trainable", "NodePerturbation", "it disturbs currents, and this is not behind one",
                "Fix the value, or use another estimator.",
            )  # fmt: skip
        return Estimate(loss, {name: gradient[name] for name in trained})

    def _probe(self, mlp: MLP, x: Float[Tensor, "batch inputs"], generator: torch.Generator) -> _Probe:
        z = mlp.hidden[0](x)
        held = _Layer(self._nodes(len(x), mlp.widths[0], generator, x), x[None], x.new_ones(1, 1))
        if len(mlp.hidden) == 1:
            phi, gain = features_and_gain(mlp, z, self.compiled)
            return _Probe(phi, gain * held.nodes, [held])
        return self._deep(mlp, z, held, generator)

    def _deep(self, mlp: MLP, z: Float[Tensor, "batch n"], held: _Layer, generator: torch.Generator) -> _Probe:
        nodes, signs = [held.nodes], []
        for width in mlp.widths[1:]:
            rows = Bernoulli().draw((self.directions * mlp.steps, len(z)), generator, z)
            signs.append(rows.reshape(self.directions, mlp.steps, -1))
            nodes.append(self._nodes(len(z), width, generator, z))
        jvp = push_nodes if self.compiled and has_kernels(mlp, z) else _push_nodes
        phi, moved, inputs = jvp(mlp, z, nodes, signs)
        deeper = [_Layer(v, x, e.sum(1)) for v, x, e in zip(nodes[1:], inputs, signs, strict=True)]
        return _Probe(phi, moved, [held, *deeper])

    def _nodes(self, samples: int, width: int, generator: torch.Generator, like: Tensor) -> Float[Tensor, "K batch n"]:
        rows = self.distribution.draw((self.directions, width), generator, like)
        return rows[:, None] * Bernoulli().draw((samples, width), generator, like)


def _push_nodes(
    mlp: MLP, z: Tensor, nodes: Sequence[Tensor], signs: Sequence[Tensor]
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """What `push_nodes` gives, by the plain loop over time."""
    fire, weights = firing(mlp.drawn_surrogate), mlp.rule.weights(mlp.steps).tolist()
    current = Dual(z, torch.ones_like(z))
    neurons = [mlp.neuron_at(i) for i in range(len(mlp.hidden))]
    states: list[Any] = [neuron.start(0.0) for neuron in neurons]
    inputs = [z.new_zeros(len(nodes[0]), len(z), below) for below in mlp.widths[:-1]]
    phi, moved = z.new_zeros(()), z.new_zeros(())
    for t, weight in enumerate(weights):
        _, s, states[0] = neurons[0].step(states[0], current, fire)
        s = Dual(s.value, s.tangent * nodes[0])
        for i in range(1, len(neurons)):
            e = signs[i - 1][:, t, :, None]
            inputs[i - 1].add_(e * s.value)
            tangent = torch.cat([s.tangent @ mlp.hidden[i].weight.T, nodes[i] * e])
            _, s, states[i] = neurons[i].step(states[i], Dual(mlp.hidden[i](s.value), tangent), fire)
        phi, moved = torch.add(phi, s.value, alpha=weight), torch.add(moved, s.tangent, alpha=weight)
    normaliser = mlp.rule.normaliser(mlp.steps)
    return phi / normaliser, moved / normaliser, inputs


class _Layer(NamedTuple):
    """Along which directions the currents of a layer move, and its inputs (and ones) summed with the same signs."""

    nodes: Float[Tensor, "K batch n"]
    inputs: Float[Tensor, "rows batch m"]
    ones: Float[Tensor, "rows batch"]


class _Probe(NamedTuple):
    """Features of a part, how they move with the currents of its layers, K rows a layer, and those layers."""

    features: Float[Tensor, "batch n"]
    moved: Float[Tensor, "rows batch n"]
    layers: list[_Layer]
