"""Population: the compiled passes of one layer of neurons, on NumPy arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from neurokit.neurons.kernels import recurrence
from neurokit.neurons.kernels.generated import kernels_of
from neurokit.neurons.kernels.surrogates import KNOWN, constants, weak_gaussian
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero, known
from neurokit.neurons.readouts import ReadoutRule

#: Parameters in the order of the adjoint that is written by hand.
_BY_HAND = ("threshold", "alpha", "beta")


def applies(neuron: Neuron, surrogate: Any) -> bool:
    """Whether this neuron and surrogate have kernels: ours do, a subclass may compute something else."""
    return known(neuron) and type(neuron.reset) in (Subtract, ToZero) and constants(surrogate, np.float64) is not None


class Population:
    """Neurons of one kind and the rule that reads them out, for arrays of one dtype, float32 or float64.

    A lane is one neuron of one sample. Currents are `(T, lanes)`, or `(1, lanes)` where they are held over the window;
    features are `phi = sum_t w[t] s[t] / sum_t w[t]`. `neuron` has numbers in the place of Trainables. `known
    (T, lanes)` are derivatives drawn by `draw`, which a WeakGaussian alone needs.

    What an adjoint needs of a window is its tape: the distances to threshold where the adjoint is written by hand, the
    currents where it is generated.
    """

    def __init__(self, neuron: Neuron, surrogate: Any, rule: ReadoutRule, steps: int, dtype: Any) -> None:
        reset, dtype = neuron.reset, np.dtype(dtype)
        assert isinstance(reset, Subtract | ToZero), "asked before"
        limit = np.nextafter(dtype.type(0), dtype.type(1)) if neuron.strict else 0.0
        kind, c = constants(surrogate, dtype) or (None, None)
        assert kind is not None, "asked before"
        self.steps, self.drawn = steps, kind == KNOWN
        kinds: Any = type(neuron), type(reset)
        self._kernels = kernels_of(*kinds)
        self.fields = self._kernels.values
        values = [getattr(neuron, name) for name in self.fields]
        self._n = np.array([*values, limit, 0, 1, reset.attached, *self._kernels.numbers], dtype)
        self._c, self._kind = c, kind
        self._by_hand: tuple[Any, ...] = ()
        if type(neuron) in (IF, LIF, CubaLIF):
            alpha, beta = getattr(neuron, "alpha", 0.0), getattr(neuron, "beta", 1.0)
            n = np.array((neuron.threshold, alpha, beta, limit, 0, 1), dtype)
            self._by_hand = (n, isinstance(reset, Subtract), bool(reset.attached), isinstance(neuron, CubaLIF))
        self._weights, self._normaliser = rule.weights(steps).astype(dtype), dtype.type(rule.normaliser(steps))
        self._ones, self._share = np.ones(steps, dtype), (rule.weights(steps) / rule.normaliser(steps)).astype(dtype)
        self._no1, self._no2, self._no3 = (np.empty((0,) * axes, dtype) for axes in (1, 2, 3))

    def features(self, a: Float[np.ndarray, "#T lanes"], *, over: bool = False) -> Float[np.ndarray, " lanes"]:
        """Features under the currents `a`; with `over` the tape is written over the currents."""
        phi: np.ndarray = np.empty_like(a[0])
        self._forward(a, self._no2, a if over and self._by_hand else self._no2, phi)
        return phi

    def spikes(self, a: Float[np.ndarray, "#T lanes"], *, over: bool = False) -> Float[np.ndarray, "T lanes"]:
        """Spikes, 0 and 1, under the currents `a`; with `over` the tape is written over the currents."""
        spikes = np.empty((self.steps, a.shape[1]), a.dtype)
        self._forward(a, spikes, a if over and self._by_hand else self._no2, self._no1)
        return spikes

    def distances(self, a: Float[np.ndarray, "#T lanes"]) -> Float[np.ndarray, "T lanes"]:
        """Distances of the membranes to threshold before the reset, under the currents `a`."""
        distances = np.empty((self.steps, a.shape[1]), a.dtype)
        self._forward(a, self._no2, distances, self._no1)
        return distances

    def taped(self, tape: Float[np.ndarray, "#T lanes"], *, held: bool) -> Float[np.ndarray, "T lanes"]:
        """The distances of a window, from its tape, or from the one current of all steps where it is `held`."""
        return self.distances(tape) if held or not self._by_hand else tape

    def draw(
        self, x: Float[np.ndarray, " lanes"], noise: Float[np.ndarray, "samples lanes"], d: Float[np.ndarray, " lanes"]
    ) -> None:
        """Write derivatives of a WeakGaussian at the distances `x` of one step to `d`."""
        weak_gaussian(self._c, x, noise, d)

    def _forward(self, a: Any, spikes: Any, distances: Any, phi: Any) -> None:
        self._kernels.forward(a, self._n, self._kernels.states, self._weights, self._normaliser, spikes, distances, phi)

    def tangent(
        self,
        a: Float[np.ndarray, "#T lanes"],
        da: Float[np.ndarray, "rows #T lanes"],
        *,
        trains: bool,
        moved: Float[np.ndarray, "rows fields"] | None = None,
        known: Float[np.ndarray, "T lanes"] | None = None,
    ) -> tuple[Float[np.ndarray, "*T lanes"], Float[np.ndarray, "rows *T lanes"]]:
        """Spikes (of `trains`) or features, and their tangents along those of the current and of `fields`."""
        lanes = a.shape[1]
        shape = (self.steps, lanes) if trains else (lanes,)
        value, pushed = np.empty(shape, a.dtype), np.empty((len(da), *shape), a.dtype)
        self._kernels.tangent(
            *(a, da, self._no2 if moved is None else moved, self._n, self._kernels.states, self._kind, self._c),
            *(self._no2 if known is None else known, self._weights, self._normaliser),
            *((value, self._no1, pushed, self._no2) if trains else (self._no2, value, self._no3, pushed)),
        )
        return value, pushed

    def pull_features(
        self, a: Float[np.ndarray, "#T lanes"], lphi: Float[np.ndarray, " lanes"], **options: Any
    ) -> tuple[Float[np.ndarray, "#T lanes"], dict[str, float]]:
        """Derivatives of a loss by the currents, from those by the features.

        `a` is the tape, or with `held` the one current of all steps, whose derivatives are summed over them. With
        `fields` there are derivatives by the neuron's parameters, too.
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
        la, drawn = np.empty_like(a), self._no2 if known is None else known
        if not self._by_hand:
            sums = np.zeros(len(self.fields) if fields else 0)
            self._kernels.adjoint(a, self._n, self._kernels.states, self._kind, self._c, drawn, ls, weights, la, sums)
            return la, dict(zip(self.fields, sums.tolist(), strict=False))
        sums = np.zeros(len(_BY_HAND) if fields else 0)
        tape = (a, self._no2) if held else (self._no2, a)
        recurrence.adjoint(*tape, *self._by_hand, self._kind, self._c, drawn, ls, weights, la, sums)
        return la, dict(zip(_BY_HAND, sums.tolist(), strict=False))


@lru_cache(maxsize=64)
def population(neuron: Neuron, surrogate: Any, rule: ReadoutRule, steps: int, dtype: str) -> Population:
    """The Population of these choices; the same object for the same choices, as far as they are remembered."""
    return Population(neuron, surrogate, rule, steps, dtype)
