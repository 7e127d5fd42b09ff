"""MLPs by compiled kernels: the same features and derivatives as the plain loop over time, on CPUs, many times faster.

Layer by layer over whole spike trains: one matrix product and one pass over time each, forward as in reverse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from neurokit.networks.spike import noise_for
from neurokit.neurons.models import Neuron
from neurokit.neurons.readouts import ReadoutRule
from neurokit.neurons.surrogates import Surrogate, WeakGaussian

if TYPE_CHECKING:
    from neurokit.neurons.kernels.population import Population

_HAS_NUMBA = find_spec("numba") is not None

#: Numbers in the array of one layer's spikes for a part of a batch; larger batches are computed in such parts.
PART = 1 << 18


class SpikingStack(Protocol):
    """What kernels read of an MLP."""

    neuron: Neuron
    rule: ReadoutRule
    surrogate: Surrogate | WeakGaussian
    noise: torch.Generator | None
    steps: int
    widths: tuple[int, ...]
    hidden: nn.ModuleList

    def learned(self, layer: int) -> dict[str, Tensor]:
        """Trained values of the neurons of a layer, by field."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """All that is trained."""
        ...


@contextmanager
def compiled(model: nn.Module) -> Iterator[None]:
    """Within the block, every MLP in `model` computes its features by kernels where it can (`has_kernels`).

    Numbers are those of the plain loop to rounding, in whatever network the MLPs are; gradients once, not of gradients.
    """
    parts: list[Any] = [part for part in model.modules() if isinstance(getattr(part, "compiled", None), bool)]
    before = [part.compiled for part in parts]
    for part in parts:
        part.compiled = True
    try:
        yield
    finally:
        for part, was in zip(parts, before, strict=True):
            part.compiled = was


def has_kernels(mlp: SpikingStack, like: Tensor) -> bool:
    """Whether kernels compute the neurons of `mlp` on tensors like `like`: numba, a CPU, our neurons and surrogates."""
    if not _HAS_NUMBA or like.device.type != "cpu" or like.dtype not in (torch.float32, torch.float64):
        return False
    from neurokit.neurons.kernels.population import applies

    return applies(mlp.neuron, mlp.surrogate)


def populations(mlp: SpikingStack, learned: Sequence[dict[str, Tensor]]) -> list[Population]:
    """The compiled passes of every layer of `mlp`, with these values of what is trained in its neurons."""
    from neurokit.neurons.kernels.population import population

    name = str(next(mlp.parameters()).dtype).removeprefix("torch.")
    made = []
    for values in learned:
        numbers: dict[str, Any] = {field: float(value) for field, value in values.items()}
        neuron = replace(mlp.neuron, **numbers) if numbers else mlp.neuron
        made.append(population(neuron, mlp.surrogate, mlp.rule, mlp.steps, name))  # type: ignore[arg-type]
    return made


def features(mlp: SpikingStack, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch width"]:
    """`mlp.features(x)` by kernels, differentiable by autograd."""
    z = mlp.hidden[0](x.reshape(-1, x.shape[-1]))
    learned = [mlp.learned(i) for i in range(len(mlp.hidden))]
    weights = [p for layer in list(mlp.hidden)[1:] for p in (layer.weight, layer.bias)]
    values = [value for fields in learned for value in fields.values()]
    if torch.is_grad_enabled() and any(p.requires_grad for p in (z, *weights, *values)):
        layout = _Layout(mlp, tuple(tuple(fields) for fields in learned))
        phi: Tensor = _Features.apply(layout, z, *weights, *values)  # type: ignore[no-untyped-call]
    else:
        phi = unrecorded(mlp, z)
    return phi.reshape(*x.shape[:-1], -1)


@torch.no_grad()
def unrecorded(mlp: SpikingStack, z: Float[Tensor, "batch n"]) -> Float[Tensor, "batch width"]:
    """Features under the held current `z` of the first layer; memory grows neither with the batch nor with time."""
    layers = populations(mlp, [mlp.learned(i) for i in range(len(mlp.hidden))])
    phi, size = z.new_empty(len(z), mlp.widths[-1]), part_size(mlp)
    for low in range(0, len(z), size):
        phi[low : low + size] = run(mlp, layers, z[low : low + size])[2]
    return phi


def part_size(mlp: SpikingStack, rows: int = 1) -> int:
    """Samples of a part of a batch, when `rows` trains are kept for every layer."""
    return max(1, PART // (rows * mlp.steps * max(mlp.widths)))


def lanes(x: Float[Tensor, "*axes batch n"]) -> Any:
    """As NumPy's, the last two axes joined."""
    return x.detach().contiguous().reshape(*x.shape[:-2], -1).numpy()


@torch.no_grad()
def run(
    mlp: SpikingStack, layers: Sequence[Population], z: Tensor, *, tape: bool = False
) -> tuple[list[Any], list[Tensor], Tensor]:
    """The held current of the first layer `(1, lanes)` and what follows from it.

    That is the currents of every deeper layer, `(T, lanes)`, or with `tape` the tapes of their populations;
    spikes `(T * batch, n)` of all layers but the last, and its features.
    """
    currents, trains = [lanes(z)[None]], []
    for i, (layer, synapses) in enumerate(zip(layers, list(mlp.hidden)[1:], strict=False)):
        trains.append(torch.from_numpy(layer.spikes(currents[-1], over=tape and i > 0)).reshape(mlp.steps * len(z), -1))
        currents.append(lanes(synapses(trains[-1]).reshape(mlp.steps, len(z), -1)))
    phi = layers[-1].features(currents[-1], over=tape and len(layers) > 1)
    return currents, trains, torch.from_numpy(phi).reshape(len(z), -1)


@dataclass(frozen=True, eq=False)
class _Layout:
    """A network and which values of its layers' neurons are trained."""

    mlp: SpikingStack
    fields: tuple[tuple[str, ...], ...]


class _Features(torch.autograd.Function):
    """Features of held currents, of the deeper layers' weights and biases, and of what is trained in neurons."""

    @staticmethod
    def forward(ctx: Any, layout: _Layout, z: Tensor, *parameters: Tensor) -> Tensor:
        mlp, depth = layout.mlp, len(layout.fields)
        synapses, values = parameters[: 2 * (depth - 1)], list(parameters[2 * (depth - 1) :])
        learned = [{name: values.pop(0) for name in names} for names in layout.fields]
        ctx.layout, ctx.layers = layout, populations(mlp, learned)
        # From the first layer on that something trained moves, surrogates have derivatives.
        ctx.first = next(
            i
            for i in range(depth)
            if any(p.requires_grad for p in (*(synapses[2 * i - 2 : 2 * i] if i else (z,)), *learned[i].values()))
        )
        # A random surrogate is drawn for all samples at once, step by step; else parts stay in the caches.
        ctx.size = len(z) if ctx.layers[0].drawn else part_size(mlp)
        phi, tape = z.new_empty(len(z), mlp.widths[-1]), []
        for low in range(0, len(z), ctx.size):
            found, trains, phi[low : low + ctx.size] = run(mlp, ctx.layers, z[low : low + ctx.size], tape=True)
            tape += [*(torch.from_numpy(x) for x in found), *trains]
        ctx.save_for_backward(*synapses[::2], *tape)
        ctx.known = [None] * depth
        if ctx.layers[0].drawn:
            ctx.known = None if mlp.noise is None else drawn(mlp, ctx.layers, found, len(z), ctx.first)
        return phi

    @staticmethod
    @once_differentiable  # type: ignore[misc, untyped-decorator, unused-ignore]
    def backward(ctx: Any, lphi: Tensor) -> tuple[Any, ...]:
        depth, fields = len(ctx.layers), ctx.layout.fields
        if ctx.known is None:
            noise_for(ctx.layout.mlp.surrogate, None, (), lphi)  # raises: without noise there are answers, no gradient
        weights, tape = ctx.saved_tensors[: depth - 1], ctx.saved_tensors[depth - 1 :]
        of_z = lphi.new_empty(len(lphi), ctx.layout.mlp.widths[0])
        of_synapses: list[Tensor | None] = [None] * (2 * (depth - 1))
        of_values = [dict.fromkeys(names, 0.0) for names in fields]
        for low in range(0, len(lphi), ctx.size):
            found, trains, tape = tape[:depth], tape[depth : 2 * depth - 1], tape[2 * depth - 1 :]
            part = lphi[low : low + ctx.size]
            error, pull = lanes(part), ctx.layers[-1].pull_features
            for i in range(depth - 1, ctx.first - 1, -1):
                la, sums = pull(found[i].numpy(), error, held=i == 0, known=ctx.known[i], fields=bool(fields[i]))
                for name in fields[i]:
                    of_values[i][name] += sums[name]
                of_current = torch.from_numpy(la).reshape(-1, la.shape[1] // len(part))
                if i:
                    pieces = of_current.T @ trains[i - 1], of_current.sum(0)
                    for place, piece in enumerate(pieces, start=2 * i - 2):
                        before = of_synapses[place]
                        of_synapses[place] = piece if before is None else before.add_(piece)
                if i > ctx.first:
                    error = (of_current @ weights[i - 1]).reshape(len(la), -1).numpy()
                    pull = ctx.layers[i - 1].pull_spikes
            if ctx.first == 0:
                of_z[low : low + ctx.size] = of_current
        return (
            None,
            of_z if ctx.first == 0 else None,
            *of_synapses,
            *(lphi.new_tensor(value) for values in of_values for value in values.values()),
        )


def drawn(
    mlp: SpikingStack, layers: Sequence[Population], tape: Sequence[Any], samples: int, first: int = 0
) -> list[Any]:
    """Derivatives of a random surrogate at every step of every layer from `first` on, in the plain loop's order.

    `tape` is that of `run`: the held current of the first layer and the tapes of those above.
    """
    surrogate = mlp.surrogate
    assert isinstance(surrogate, WeakGaussian), "no other is random"
    distances = [layer.taped(x, held=not i) for i, (layer, x) in enumerate(zip(layers, tape, strict=True))][first:]
    known = [np.empty_like(x) for x in distances]
    for t in range(mlp.steps):
        for layer, x, d in zip(layers[first:], distances, known, strict=True):
            shape = (samples, x.shape[1] // samples)
            layer.draw(x[t], lanes(noise_for(surrogate, mlp.noise, shape, mlp.hidden[0].weight)), d[t])
    return [*[None] * first, *known]
