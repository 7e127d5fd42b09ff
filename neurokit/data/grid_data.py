"""GridData: answers on a grid, as separable networks read them, one input a coordinate."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float64

from neurokit.data.data import OperatorData
from neurokit.errors import GraphError, explain


@dataclass(frozen=True, eq=False)
class GridData(OperatorData):
    """OperatorData whose locations are the grid of `axes`, presented axis by axis.

    A separable network computes a trunk once for every coordinate on its axis, `P_1 + .. + P_d` rows, where locations
    would make it compute `P_1 .. P_d` rows of every trunk. `inputs` are `branch (N, 1, .., 1, m)` and
    `x_i (1, .., P_i, .., 1, 1)`, `answers` `(N, P_1, .., P_d, 1)`; all else is as in OperatorData.

    Raises GraphError for data without axes, and what OperatorData raises.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.axes:
            raise GraphError(
                explain("GridData.axes", self.axes, "one axis a coordinate", "keep data without a grid as OperatorData")
            )

    @classmethod
    def of(cls, data: OperatorData) -> GridData:
        """`data`, presented axis by axis. Raises GraphError when its locations are not known to be a grid."""
        return cls(**{field.name: getattr(data, field.name) for field in fields(OperatorData)})

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """Arrays that broadcast to every function at every grid point, by input name."""
        d = len(self.axes)
        branch = {"branch": self.branch.reshape(len(self), *[1] * d, -1)}
        return branch | {
            f"x_{i + 1}": axis.reshape(*[1] * (1 + i), -1, *[1] * (d - i)) for i, axis in enumerate(self.axes)
        }

    @property
    def answers(self) -> Float64[np.ndarray, "N *grid 1"]:
        """Targets in the shape of a separable network's output."""
        return self.targets.reshape(len(self), *(len(axis) for axis in self.axes), 1)
