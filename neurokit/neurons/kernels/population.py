"""Population: the compiled passes of one layer of neurons, on NumPy arrays."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from neurokit.neurons.kernels import recurrence
from neurokit.neurons.kernels.surrogates import KNOWN, constants, weak_gaussian
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import ReadoutRule

#: Fields of neurons in the order in which kernels take their tangents and give their derivatives.
FIELDS = ("threshold", "alpha", "beta")


def applies(neuron: Neuron, surrogate: Any) -> bool:
    """Whether this neuron and surrogate have kernels: ours do, a subclass may compute something else."""
    known = type(neuron) in (IF, LIF, CubaLIF) and type(neuron.reset) in (Subtract, ToZero)
    return known and constants(surrogate, np.float64) is not None


class Population:
    """Neurons of one kind and the rule that reads them out, for arrays of one dtype, float32 or float64.

    A lane is one neuron of one sample. Currents are `(T, lanes)`, or `(1, lanes)` where they are held over the window;
    features are `phi = sum_t w[t] s[t] / sum_t w[t]`. `neuron` has numbers in the place of Trainables. `known
    (T, lanes)` are derivatives drawn by `draw`, which a WeakGaussian alone needs.
    """

    def __init__(self, neuron: Neuron, surrogate: Any, rule: ReadoutRule, steps: int, dtype: Any) -> None:
        values = {field.name: getattr(neuron, field.name) for field in fields(neuron)}
        reset, dtype = values["reset"], np.dtype(dtype)
        limit = np.nextafter(dtype.type(0), dtype.type(1)) if values["strict"] else 0.0
        numbers = (values["threshold"], values.get("alpha", 0.0), values.get("beta", 1.0), limit, 0, 1)
        kind, c = constants(surrogate, dtype) or (None, None)
        assert kind is not None, "asked before"
        self.steps, self.drawn = steps, kind == KNOWN
        self._n, self._c, self._kind = np.array(numbers, dtype), c, kind
        self._soft, self._attached, self._synaptic = (
            isinstance(reset, Subtract),
            bool(reset.attached),
            "alpha" in values,
        )
        self._weights, self._normaliser = rule.weights(steps).astype(dtype), dtype.type(rule.normaliser(steps))
        self._ones, self._share = np.ones(steps, dtype), (rule.weights(steps) / rule.normaliser(steps)).astype(dtype)
        self._no1, self._no2, self._no3 = (np.empty((0,) * axes, dtype) for axes in (1, 2, 3))

    def features(self, a: Float[np.ndarray, "#T lanes"], *, over: bool = False) -> Float[np.ndarray, " lanes"]:
        """Features under the currents `a`; with `over` their distances are written over the currents."""
        phi: np.ndarray = np.empty_like(a[0])
        self._forward(a, self._no2, a if over else self._no2, phi)
        return phi

    def spikes(self, a: Float[np.ndarray, "#T lanes"], *, over: bool = False) -> Float[np.ndarray, "T lanes"]:
        """Spikes, 0 and 1, under the currents `a`; with `over` their distances are written over the currents."""
        spikes = np.empty((self.steps, a.shape[1]), a.dtype)
        self._forward(a, spikes, a if over else self._no2, self._no1)
        return spikes

    def distances(self, a: Float[np.ndarray, "#T lanes"]) -> Float[np.ndarray, "T lanes"]:
        """Distances of the membranes to threshold before the reset, under the currents `a`."""
        distances = np.empty((self.steps, a.shape[1]), a.dtype)
        self._forward(a, self._no2, distances, self._no1)
        return distances

    def draw(
        self, x: Float[np.ndarray, " lanes"], noise: Float[np.ndarray, "samples lanes"], d: Float[np.ndarray, " lanes"]
    ) -> None:
        """Write derivatives of a WeakGaussian at the distances `x` of one step to `d`."""
        weak_gaussian(self._c, x, noise, d)

    def _forward(self, a: Any, spikes: Any, distances: Any, phi: Any) -> None:
        recurrence.forward(
            a, self._n, self._soft, self._synaptic, self._weights, self._normaliser, spikes, distances, phi
        )

    def tangent(
        self,
        a: Float[np.ndarray, "#T lanes"],
        da: Float[np.ndarray, "rows #T lanes"],
        *,
        trains: bool,
        moved: Float[np.ndarray, "rows 3"] | None = None,
        known: Float[np.ndarray, "T lanes"] | None = None,
    ) -> tuple[Float[np.ndarray, "*T lanes"], Float[np.ndarray, "rows *T lanes"]]:
        """Spikes (of `trains`) or features, and their tangents along those of the current and of `FIELDS`."""
        lanes = a.shape[1]
        shape = (self.steps, lanes) if trains else (lanes,)
        value, pushed = np.empty(shape, a.dtype), np.empty((len(da), *shape), a.dtype)
        recurrence.tangent(
            *(a, da, self._no2 if moved is None else moved),
            *(self._n, self._soft, self._attached, self._synaptic, self._kind, self._c),
            *(self._no2 if known is None else known, self._weights, self._normaliser),
            *((value, self._no1, pushed, self._no2) if trains else (self._no2, value, self._no3, pushed)),
        )
        return value, pushed

    def pull_features(
        self, a: Float[np.ndarray, "#T lanes"], lphi: Float[np.ndarray, " lanes"], **options: Any
    ) -> tuple[Float[np.ndarray, "#T lanes"], dict[str, float]]:
        """Derivatives of a loss by the currents, from those by the features.

        `a` are the distances under the currents, or with `held` the one current of all steps, whose derivatives are
        summed over them. With `fields` there are derivatives by `FIELDS`, too.
        """
        return self._adjoint(a, lphi[None], self._share, **options)

    def pull_spikes(
        self, a: Float[np.ndarray, "#T lanes"], ls: Float[np.ndarray, "T lanes"], **options: Any
    ) -> tuple[Float[np.ndarray, "#T lanes"], dict[str, float]]:
        """As `pull_features`, from derivatives by the spikes."""
        return self._adjoint(a, ls, self._ones, **options)

    def _adjoint(
        self, a: Any, ls: Any, weights: Any, *, held: bool = False, known: Any = None, fields: bool = False
    ) -> tuple[Any, dict[str, float]]:
        la, sums = np.empty_like(a), np.zeros(len(FIELDS) if fields else 0)
        recurrence.adjoint(
            *((a, self._no2) if held else (self._no2, a)),
            *(self._n, self._soft, self._attached, self._synaptic, self._kind, self._c),
            *(self._no2 if known is None else known, ls, weights, la, sums),
        )
        return la, dict(zip(FIELDS, sums.tolist(), strict=False))


@lru_cache(maxsize=64)
def population(neuron: Neuron, surrogate: Any, rule: ReadoutRule, steps: int, dtype: str) -> Population:
    """The Population of these choices; the same object for the same choices, as far as they are remembered."""
    return Population(neuron, surrogate, rule, steps, dtype)
