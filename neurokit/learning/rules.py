"""Rules: what to ask of the network, and which gradient to conclude. Ask/tell, without torch, Lava or a network.

All are unbiased estimates of a gradient: of the smoothed loss for those that compare losses, of the surrogate gradient
for those that receive slopes. One's own rule is a class with these two methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neurokit.errors import OutOfRange, explain
from neurokit.learning.directions import Directions
from neurokit.learning.queries import (
    Answer,
    CurrentLosses,
    CurrentSlopes,
    Directional,
    Estimate,
    Local,
    Losses,
    Query,
    Slopes,
)
from neurokit.simulator.plastic_weights import Plastic, by_layer


class Scope(Protocol):
    """Which layers are perturbed together."""

    def groups(self, layers: tuple[str, ...]) -> tuple[tuple[str, ...], ...]: ...


@dataclass(frozen=True)
class Global:
    """All layers at once (the paper's global scope): one set of passes a step."""

    def groups(self, layers: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        return (layers,)


@dataclass(frozen=True)
class Layerwise:
    """One layer after the other (layer-wise): as many sets of passes as layers, and less variance."""

    def groups(self, layers: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        return tuple((layer,) for layer in layers)


class Rule(Protocol):
    """A perturbation rule. `ask` and `tell` of one step belong together; neither keeps anything."""

    @property
    def directions(self) -> Directions:
        """What the perturbations are drawn from."""
        ...

    def ask(self, tensors: Sequence[Plastic]) -> tuple[Query, ...]:
        """What to evaluate in a step."""
        ...

    def tell(self, tensors: Sequence[Plastic], step: int, answers: Sequence[Answer]) -> Estimate:
        """The gradient's estimate from the answers, in the order of the queries."""
        ...

    def passes(self, tensors: Sequence[Plastic]) -> int:
        """Forward passes of the network on the batch that a step costs."""
        ...


@dataclass(frozen=True)
class SPSA:
    """Simultaneous perturbation: finite differences along random directions, by integers c of each tensor's unit.

        two-sided (an antithetic pair)   g ~ 1 / K sum_k (L(w + c d_k) - L(w - c d_k)) / (2 c) d_k     2 K passes
        one-sided                        g ~ 1 / K sum_k (L(w + c d_k) - L(w)) / c d_k               K + 1 passes

    times 1 / power of the directions. Raises OutOfRange for an amplitude below 1.

    Source: Spall 1992, doi:10.1109/9.119632.
    """

    directions: Directions = Directions()  # noqa: RUF009 (frozen)
    amplitude: int = 2
    two_sided: bool = True
    scope: Scope = Global()

    def __post_init__(self) -> None:
        if self.amplitude < 1:
            raise OutOfRange(explain("SPSA.amplitude", self.amplitude, "an integer >= 1", "perturb by a unit or more"))

    def ask(self, tensors: Sequence[Plastic]) -> tuple[Query, ...]:
        c = self.amplitude
        return tuple(
            Losses(group, amplitude)
            for group in _groups(self, tensors)
            for amplitude in (c, -c if self.two_sided else 0)
        )

    def tell(self, tensors: Sequence[Plastic], step: int, answers: Sequence[Answer]) -> Estimate:
        reach = self.amplitude * (2 if self.two_sided else 1)
        slopes = [
            (np.asarray(answers[i]) - np.asarray(answers[i + 1])) / reach for i in range(0, len(answers), 2)
        ]  # a loss of the weights as they are is one for all directions
        return _directional(self, tensors, step, slopes)

    def passes(self, tensors: Sequence[Plastic]) -> int:
        each = 2 * self.directions.count if self.two_sided else self.directions.count + 1
        return each * len(_groups(self, tensors))


@dataclass(frozen=True)
class RFG:
    """Randomised forward gradient in integers: `g ~ 1 / K sum_k (g . d_k) d_k`, times 1 / power of the directions.

    The slopes g . d_k are true tangents, which a second network beside the first carries forward: the evaluator's
    affair. A pass with K tangents counts as 1 + K forward passes.

    Source: Wan, Zhang, Karniadakis 2024 (arXiv 2411.07057); Baydin et al. 2022 (arXiv 2202.08587).
    """

    directions: Directions = Directions()  # noqa: RUF009 (frozen)
    scope: Scope = Global()

    def ask(self, tensors: Sequence[Plastic]) -> tuple[Query, ...]:
        return tuple(Slopes(group) for group in _groups(self, tensors))

    def tell(self, tensors: Sequence[Plastic], step: int, answers: Sequence[Answer]) -> Estimate:
        return _directional(self, tensors, step, [np.asarray(answer) for answer in answers])

    def passes(self, tensors: Sequence[Plastic]) -> int:
        return 1 + self.directions.count * len(_groups(self, tensors))


@dataclass(frozen=True)
class NodePerturbation:
    """Perturbs currents instead of weights, each sample and neuron by signs of its own, all neurons at once.

        g_W ~ 1 / K sum_k sum_b (L_b(+c xi_kb) - L_b(-c xi_kb)) / (2 c) xi_kb (mean_t x_b[t])^T

    with the loss L_b of sample b alone, the signs xi and the mean over the window of what the synapses received: a
    three-factor rule (presynaptic trace, own perturbation, broadcast scalar). What multiplies the trace is unbiased for
    the smoothed loss with regard to a current that is held; replacing the time course by its mean is exact for layers
    that receive an input and approximate behind spikes. The amplitude c is a share of the threshold. 2 K passes. Raises
    OutOfRange for an amplitude that is not in 0..1.

    Source: Fiete and Seung 2006, doi:10.1103/PhysRevLett.97.048104.
    """

    directions: Directions = Directions()  # noqa: RUF009 (frozen)
    amplitude: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.amplitude <= 1:
            legal = "above 0 and at most 1"
            raise OutOfRange(explain("NodePerturbation.amplitude", self.amplitude, legal, "try 0.05"))

    def ask(self, tensors: Sequence[Plastic]) -> tuple[Query, ...]:
        return (CurrentLosses(tuple(by_layer(tensors)), self.amplitude),)

    def tell(self, tensors: Sequence[Plastic], step: int, answers: Sequence[Answer]) -> Estimate:
        (answer,) = answers
        assert not isinstance(answer, np.ndarray), "the gradient by tensor"
        return Local(step, answer)

    def passes(self, tensors: Sequence[Plastic]) -> int:
        return 2 * self.directions.count


@dataclass(frozen=True)
class NodeRFG:
    """Randomised forward gradient of currents: node perturbation with true tangents, neither differences nor amplitude.

        g_W ~ 1 / K sum_k sum_b l_k[b] v_k[b] (sum_t e_k[b, t] x[b, t])^T

    with the slope l_k of sample b's loss along `v_k e_k[t]` and what the synapses received, x: a three-factor rule.
    Unbiased for the surrogate gradient, for e changes in every step behind spikes. Its variance grows with neurons (and
    there with steps), not with weights, and is averaged over samples, of which each is perturbed in its own way. On a
    chip the direction enters tangent neurons as a current, so that no synapses carry it. A pass with K tangents counts
    as 1 + K forward passes.

    Source: Werfel, Xie, Seung 2005, doi:10.1162/089976605774320539 (node perturbation); Ren et al. 2022
    (arXiv 2210.03310, forward gradients of activities).
    """

    directions: Directions = Directions()  # noqa: RUF009 (frozen)
    scope: Scope = Global()

    def ask(self, tensors: Sequence[Plastic]) -> tuple[Query, ...]:
        return tuple(CurrentSlopes(group) for group in _groups(self, tensors))

    def tell(self, tensors: Sequence[Plastic], step: int, answers: Sequence[Answer]) -> Estimate:
        gradient: dict[str, np.ndarray] = {}
        for answer in answers:
            assert not isinstance(answer, np.ndarray), "the gradient by tensor"
            gradient |= {name: g / self.directions.distribution.power for name, g in answer.items()}
        return Local(step, gradient)

    def passes(self, tensors: Sequence[Plastic]) -> int:
        return 1 + self.directions.count * len(_groups(self, tensors))


def _groups(rule: SPSA | RFG | NodeRFG, tensors: Sequence[Plastic]) -> tuple[tuple[str, ...], ...]:
    return rule.scope.groups(tuple(by_layer(tensors)))


def _directional(rule: SPSA | RFG, tensors: Sequence[Plastic], step: int, slopes: Sequence[np.ndarray]) -> Directional:
    """The slopes of every group as scalars of its tensors."""
    share = 1 / (rule.directions.count * rule.directions.distribution.power)
    of_layer = {
        layer: slope * share for group, slope in zip(_groups(rule, tensors), slopes, strict=True) for layer in group
    }
    return Directional(step, rule.directions, {tensor.name: of_layer[tensor.layer] for tensor in tensors})
