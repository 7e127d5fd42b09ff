"""The tangent pass by compiled kernels: whole spike trains, layer by layer, and one part of a batch after the other.

One direction is pushed through every layer's recurrence. Several share what does not depend on them: a first layer
under a held current moves by `ds[t] = A[t] dz` (one recurrence for `A`), and features of the last layer by
`dphi = sum_t c[t] da[t]`, where `c[t]` says what a current at t does to its own neuron's feature. With two layers then

    dphi = P : dW + (sum_t c[t]) db + M dz,   P = sum_t c[t] s[t]^T,   M = W * sum_t c[t] A[t]^T,

whose cost a direction does not grow with time. `c` is found neuron by neuron, backward in time over a part's currents;
no error crosses a layer, and the memory of a part bounds that of the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.gradients.scopes import Scope
from neurokit.networks.compiled import drawn, lanes, part_size, populations, run
from neurokit.networks.mlp import MLP

if TYPE_CHECKING:
    from neurokit.kernels.population import Population


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer, and how its own parameters move along every direction; None where they do not."""

    population: Population
    weight: Tensor
    bias: Tensor
    dweight: Float[Tensor, "K n m"] | None
    dbias: Float[Tensor, "K n"] | None
    dfields: Float[Tensor, "K 3"] | None
    known: Float[Tensor, "T batch n"] | None

    @property
    def moves(self) -> bool:
        return any(d is not None for d in (self.dweight, self.dbias, self.dfields))

    def part(self, low: int, high: int) -> Any:
        """Known derivatives of some samples."""
        return None if self.known is None else lanes(self.known[:, low:high])


def features_and_gain(mlp: MLP, z: Float[Tensor, "batch n"]) -> tuple[Tensor, Tensor]:
    """Features of the first layer under the held current `z`, and their derivative with respect to it."""
    (layer,) = populations(mlp, [mlp.learned(0)])
    current = lanes(z)[None]
    known = drawn(mlp, [layer], [current], len(z))[0] if layer.drawn else None
    phi, gain = layer.tangent(current, lanes(torch.ones_like(z))[None, None], trains=False, known=known)
    return torch.from_numpy(phi).reshape(z.shape), torch.from_numpy(gain).reshape(z.shape)


def push_features(
    mlp: MLP,
    z: Float[Tensor, "batch n"],
    dz: Float[Tensor, "K batch n"] | None,
    own: Mapping[str, Tensor],
    scope: Scope,
) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "rows batch width"] | None]:
    """Features under the held current `z` of the first layer, and their tangents.

    `dz` are the current's, `own` those of deeper layers' parameters and of all neurons' raw values, by name.
    """
    layers = _layers(mlp, z, own)
    moving = [i for i, layer in enumerate(layers) if layer.moves or (i == 0 and dz is not None)]
    count = 0 if not moving else len(next(iter(own.values())) if dz is None else dz)
    rows = scope.join(*(z.new_empty(count, 0) for _ in moving))
    together = rows is not None and len(rows) > 1 and layers[-1].dfields is None and len(layers) > 1
    stored = 1 if rows is None or (together and len(layers) == 2 and layers[0].dfields is None) else len(rows)
    size = part_size(mlp, stored)
    parts = [
        _Part(mlp, layers, scope, together, low, min(low + size, len(z))).push(z, dz) for low in range(0, len(z), size)
    ]
    phi = torch.cat([phi for phi, _ in parts])
    dphi = [moved for _, moved in parts if moved is not None]
    return phi, torch.cat(dphi, dim=1) if dphi else None


def _layers(mlp: MLP, z: Tensor, own: Mapping[str, Tensor]) -> list[_Layer]:
    from neurokit.kernels.population import FIELDS

    learned = [mlp.learned(i) for i in range(len(mlp.hidden))]
    made = populations(mlp, learned)
    known: list[Any] = [None] * len(made)
    if made[0].drawn:
        currents, _, _ = run(mlp, made, z)
        known = drawn(mlp, made, currents, len(z))
    layers = []
    for i, (population, synapses) in enumerate(zip(made, mlp.hidden, strict=True)):
        fields = {name: own[key] for name in learned[i] if (key := f"neurons.{i}.{name}") in own}
        moved = None
        if fields:
            moved = z.new_zeros(len(next(iter(fields.values()))), len(FIELDS))
            for name, raw in fields.items():
                moved[:, FIELDS.index(name)] = raw.reshape(-1) * mlp.neuron.spans[name].slope(learned[i][name])
        assert isinstance(synapses, torch.nn.Linear), "made so"
        layers.append(
            _Layer(
                population,
                synapses.weight,
                synapses.bias,
                own.get(f"hidden.{i}.weight") if i else None,
                own.get(f"hidden.{i}.bias") if i else None,
                moved,
                None if known[i] is None else torch.from_numpy(known[i]).reshape(mlp.steps, len(z), -1),
            )
        )
    return layers


@dataclass(frozen=True, eq=False)
class _Part:
    """The pass over samples `low..high`; trains are `(T, batch, n)`, their tangents `(rows, T, batch, n)`."""

    mlp: MLP
    layers: Sequence[_Layer]
    scope: Scope
    together: bool
    low: int
    high: int

    def push(self, z: Tensor, dz: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Features and their tangents."""
        first, *deeper = self.layers
        z, dz = z[self.low : self.high], None if dz is None else dz[:, self.low : self.high]
        if self.together and len(deeper) == 1 and dz is not None and first.dfields is None:
            s, a = self._recur(first, z[None], torch.ones_like(z)[None, None], None, trains=True)
            assert a is not None, "it was given a direction"
            return self._together(deeper[0], s, partial(_through, a[0], dz))
        s, ds = self._recur(first, z[None], None if dz is None else dz[:, None], first.dfields, trains=bool(deeper))
        for layer in deeper:
            if self.together and layer is deeper[-1]:
                below = None if ds is None else partial(_along, ds)
                return self._together(layer, s, below)
            s, ds = self._one_by_one(layer, s, ds, trains=layer is not deeper[-1])
        return s, ds

    def _recur(
        self, layer: _Layer, a: Tensor, da: Tensor | None, moved: Tensor | None, *, trains: bool
    ) -> tuple[Tensor, Tensor | None]:
        """What neurons make of currents `(1 or T, batch, n)`: spikes, or features without the axis of time."""
        population, shape = layer.population, (*((self.mlp.steps,) if trains else ()), *a.shape[1:])
        if moved is not None and da is None:
            da = a.new_zeros(len(moved), 1, *a.shape[1:])
        if da is None:
            found = population.spikes(lanes(a)) if trains else population.features(lanes(a))
            return torch.from_numpy(found).reshape(shape), None
        change = None if moved is None else moved.numpy()
        pair = population.tangent(
            lanes(a), lanes(da), trains=trains, moved=change, known=layer.part(self.low, self.high)
        )
        return torch.from_numpy(pair[0]).reshape(shape), torch.from_numpy(pair[1]).reshape(-1, *shape)

    def _one_by_one(self, layer: _Layer, s: Tensor, ds: Tensor | None, *, trains: bool) -> tuple[Tensor, Tensor | None]:
        """A layer under the spikes of the one below, every direction by itself."""
        a = (s.flatten(0, 1) @ layer.weight.T).add_(layer.bias).reshape(*s.shape[:2], -1)
        own = None
        if layer.dweight is not None:
            own = (s.flatten(0, 1) @ layer.dweight.transpose(1, 2)).reshape(-1, *a.shape)
        if layer.dbias is not None:
            dbias = layer.dbias[:, None, None]
            own = dbias.expand(-1, *a.shape[:-1], -1) if own is None else own.add_(dbias)
        below = None if ds is None else (ds.flatten(0, 2) @ layer.weight.T).reshape(*ds.shape[:3], -1)
        moved = layer.dfields
        if moved is not None:
            own = a.new_zeros(len(moved), *a.shape) if own is None else own
            moved = self.scope.join(None if below is None else moved.new_zeros(len(below), moved.shape[1]), moved)
        return self._recur(layer, a, self.scope.join(below, own), moved, trains=trains)

    def _together(
        self, layer: _Layer, s: Tensor, below: Callable[[Tensor, Tensor], Tensor] | None
    ) -> tuple[Tensor, Tensor | None]:
        """The last layer, what directions have in common computed once; `below(c, W)` is the share of those below."""
        a = (s.flatten(0, 1) @ layer.weight.T).add_(layer.bias).reshape(*s.shape[:2], -1)
        ones = torch.ones_like(a[0])
        phi = torch.from_numpy(layer.population.features(lanes(a))).reshape(a.shape[1:])
        pulled, _ = layer.population.pull_features(lanes(a), lanes(ones), known=layer.part(self.low, self.high))
        c, own = torch.from_numpy(pulled).reshape(a.shape), None
        if layer.dweight is not None:
            p = c.permute(1, 2, 0) @ s.permute(1, 0, 2)  # (batch, n, m)
            own = (p.transpose(0, 1) @ layer.dweight.permute(1, 2, 0)).permute(2, 1, 0)
        if layer.dbias is not None:
            q = c.sum(0) * layer.dbias[:, None]
            own = q if own is None else own + q
        return phi, self.scope.join(None if below is None else below(c, layer.weight), own)


def _through(a: Tensor, dz: Tensor, c: Tensor, weight: Tensor) -> Float[Tensor, "rows batch n"]:
    """`sum_t c[t] W (a[t] dz)` for every `dz`, by a matrix for every sample."""
    m: Tensor = (c.permute(1, 2, 0) @ a.permute(1, 0, 2)).mul_(weight)
    return (m @ dz.permute(1, 2, 0)).permute(2, 0, 1)


def _along(ds: Tensor, c: Tensor, weight: Tensor) -> Float[Tensor, "rows batch n"]:
    """`sum_t c[t] W ds[t]` for every train of tangents."""
    da: Tensor = (ds.flatten(0, 2) @ weight.T).reshape(*ds.shape[:3], -1)
    return da.mul_(c).sum(1)
