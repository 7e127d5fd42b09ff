"""Part: the compiled passes of an MLP's layers over some samples of a batch, forward and along directions.

Trains are `(T, batch, n)` and their tangents `(rows, T, batch, n)`; held currents have one step. The memory of a part
bounds that of a pass over the whole batch, whatever the batch and the number of time steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurokit.networks.compiled import drawn, lanes, part_size, populations, run
from neurokit.networks.mlp import MLP

if TYPE_CHECKING:
    from neurokit.neurons.kernels.population import Population


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer, and how its own parameters move along every direction; None where they do not."""

    population: Population
    weight: Tensor
    bias: Tensor
    dweight: Float[Tensor, "K n m"] | None
    dbias: Float[Tensor, "K n"] | None
    dfields: Float[Tensor, "K fields"] | None
    known: Float[Tensor, "T batch n"] | None

    @property
    def moves(self) -> bool:
        """Whether any of its parameters moves."""
        return any(d is not None for d in (self.dweight, self.dbias, self.dfields))


def layers_of(mlp: MLP, z: Float[Tensor, "batch n"], own: Mapping[str, Tensor]) -> list[Layer]:
    """The layers of `mlp`; `own` are tangents of deeper layers' parameters and of all neurons' raw values, by name.

    Derivatives of a random surrogate are drawn here, at the held current `z` of the first layer.
    """
    learned = [mlp.learned(i) for i in range(len(mlp.hidden))]
    made = populations(mlp, learned)
    known: list[Any] = [None] * len(made)
    if made[0].drawn:
        tape, _, _ = run(mlp, made, z, tape=True)
        known = drawn(mlp, made, tape, len(z))
    layers = []
    for i, (population, synapses) in enumerate(zip(made, mlp.hidden, strict=True)):
        assert isinstance(synapses, nn.Linear), "made so"
        raw = {name: own[key] for name in learned[i] if (key := f"neurons.{i}.{name}") in own}
        dfields = z.new_zeros(len(next(iter(raw.values()))), len(population.fields)) if raw else None
        for name, row in raw.items():
            assert dfields is not None, "made of them"
            dfields[:, population.fields.index(name)] = row.reshape(-1) * mlp.neuron.spans[name].slope(learned[i][name])
        layers.append(
            Layer(
                population,
                *(synapses.weight, synapses.bias),
                *((own.get(f"hidden.{i}.weight"), own.get(f"hidden.{i}.bias")) if i else (None, None)),
                dfields,
                None if known[i] is None else torch.from_numpy(known[i]).reshape(mlp.steps, len(z), -1),
            )
        )
    return layers


@dataclass(frozen=True)
class Part:
    """The samples `low..high` of a batch."""

    steps: int
    low: int
    high: int

    def recur(
        self, layer: Layer, a: Tensor, da: Tensor | None, dfields: Tensor | None = None, *, trains: bool
    ) -> tuple[Tensor, Tensor | None]:
        """What neurons make of the currents `a`, and how it moves: spikes, or features without the axis of time.

        `dfields` has a row for every one of `da`, if there are any.
        """
        population, shape = layer.population, (*((self.steps,) if trains else ()), *a.shape[1:])
        if dfields is not None and da is None:
            da = a.new_zeros(len(dfields), 1, *a.shape[1:])
        if da is None:
            found = population.spikes(lanes(a)) if trains else population.features(lanes(a))
            return torch.from_numpy(found).reshape(shape), None
        moved, known = None if dfields is None else dfields.numpy(), self._known(layer)
        value, pushed = population.tangent(lanes(a), lanes(da), trains=trains, moved=moved, known=known)
        return torch.from_numpy(value).reshape(shape), torch.from_numpy(pushed).reshape(-1, *shape)

    def shares(self, layer: Layer, a: Tensor) -> tuple[Tensor, Tensor]:
        """Features, and `c (T, batch, n)` with `dphi = sum_t c[t] da[t]`: what a current at t does to its own neuron's.

        `c` is found neuron by neuron, backward in time; no error crosses a layer. `a` is written over.
        """
        ones, x = torch.ones_like(a[0]), lanes(a)
        phi = torch.from_numpy(layer.population.features(x, over=True)).reshape(a.shape[1:])
        pulled, _ = layer.population.pull_features(x, lanes(ones), known=self._known(layer))
        return phi, torch.from_numpy(pulled).reshape(a.shape)

    def _known(self, layer: Layer) -> Any:
        return None if layer.known is None else lanes(layer.known[:, self.low : self.high])


def parts_of(mlp: MLP, samples: int, rows: int) -> Iterator[Part]:
    """A batch in parts, for passes that keep the trains of `rows` tangents of a layer."""
    size = part_size(mlp, rows)
    return (Part(mlp.steps, low, min(low + size, samples)) for low in range(0, samples, size))


def currents(layer: Layer, s: Float[Tensor, "T batch m"]) -> Float[Tensor, "T batch n"]:
    """`W s[t] + b`."""
    return torch.addmm(layer.bias, s.flatten(0, 1), layer.weight.T).reshape(*s.shape[:2], -1)


def below(layer: Layer, ds: Float[Tensor, "rows T batch m"]) -> Float[Tensor, "rows T batch n"]:
    """`W ds[t]` for every train of tangents."""
    return (ds.flatten(0, 2) @ layer.weight.T).reshape(*ds.shape[:3], -1)


def along(layer: Layer, c: Tensor, ds: Float[Tensor, "rows T batch m"]) -> Float[Tensor, "rows batch n"]:
    """`sum_t c[t] W ds[t]` for every train of tangents."""
    return below(layer, ds).mul_(c).sum(1)


def through(layer: Layer, c: Tensor, a: Float[Tensor, "T batch m"], dz: Tensor) -> Float[Tensor, "rows batch n"]:
    """`sum_t c[t] W (a[t] dz)` for every `dz (rows, batch, m)`, by one matrix for every sample."""
    m = (c.permute(1, 2, 0) @ a.permute(1, 0, 2)).mul_(layer.weight)
    return (m @ dz.permute(1, 2, 0)).permute(2, 0, 1)


class Gathered:
    """Arrays that belong to all samples, filled by the parts of a batch.

    Parts copy into them: results that stay while passes come and go would scatter the memory of the process.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._whole: dict[str, Tensor] = {}

    def put(self, part: Part, **pieces: Float[Tensor, "*rows batch n"] | None) -> None:
        """Take what a part found; None is nothing."""
        for name, piece in pieces.items():
            if piece is None:
                continue
            if name not in self._whole:
                self._whole[name] = piece.new_empty(*piece.shape[:-2], self._samples, piece.shape[-1])
            self._whole[name][..., part.low : part.high, :] = piece

    def __getitem__(self, name: str) -> Float[Tensor, "*rows samples n"] | None:
        return self._whole.get(name)
