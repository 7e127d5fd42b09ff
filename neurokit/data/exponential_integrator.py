"""ExponentialRK4: fourth-order time steps of `v' = L v + N(t, v)` that solve the stiff linear part exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from neurokit.errors import OutOfRange, explain

#: Nodes of the contour integral; 32 on a unit circle give the coefficients to rounding.
NODES = 32

V = TypeVar("V", bound=np.ndarray)


@dataclass(frozen=True, eq=False)
class ExponentialRK4:
    """The ETDRK4 scheme for a diagonal, real L; exact, whatever the step, when N is constant.

        a = E2 v + Q N(t, v)                 b = E2 v + Q N(t + h/2, a)
        c = E2 a + Q (2 N(t + h/2, b) - N(t, v))
        v' = E v + F1 N(t, v) + 2 F2 (N(t + h/2, a) + N(t + h/2, b)) + F3 N(t + h, c)

    with `E = exp(h L)`, `E2 = exp(h L / 2)`, and Q, F1, F2, F3 functions of h L whose formulas lose every digit near
    h L = 0; they are averaged over a circle around h L instead, which a function without poles allows.

    Source: Eqs. (26)-(29), Cox and Matthews 2002, doi:10.1006/jcph.2002.6995; the contour: Sec. 3 of Kassam and
    Trefethen 2005, doi:10.1137/S1064827502410633.
    """

    linear: Float64[np.ndarray, " k"]
    step: float
    _weights: tuple[np.ndarray, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not np.isfinite(self.step) or self.step <= 0:
            raise OutOfRange(explain("ExponentialRK4.step", self.step, "a finite number > 0", "choose a step"))
        h = self.step
        z = h * np.asarray(self.linear, dtype=np.float64)
        # Half the circle: on the other half the integrand is the complex conjugate.
        w = z[:, None] + np.exp(1j * np.pi * (np.arange(NODES) + 0.5) / NODES)

        def average(values: np.ndarray) -> np.ndarray:
            return np.asarray(h * values.mean(axis=1).real)

        weights = (
            np.exp(z),
            np.exp(z / 2),
            average((np.exp(w / 2) - 1) / w),
            average((-4 - w + np.exp(w) * (4 - 3 * w + w**2)) / w**3),
            average((2 + w + np.exp(w) * (w - 2)) / w**3),
            average((-4 - 3 * w - w**2 + np.exp(w) * (4 - w)) / w**3),
        )
        object.__setattr__(self, "_weights", weights)

    def advance(self, t: float, v: V, rest: Callable[[float, V], V]) -> V:
        """`v (..., k)` one step after time `t`; `rest` is the function N."""
        e, e2, q, f1, f2, f3 = self._weights
        middle = t + self.step / 2
        n_v = rest(t, v)
        half = e2 * v
        a = half + q * n_v
        n_a = rest(middle, a)
        n_b = rest(middle, half + q * n_a)
        c = e2 * a + q * (2 * n_b - n_v)
        result: V = e * v + f1 * n_v + 2 * f2 * (n_a + n_b) + f3 * rest(t + self.step, c)
        return result
