"""Scopes of a forward gradient: which parameters share a random direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor


class Scope(Protocol):
    """How tangents that come from different layers meet, along the leading axis of directions."""

    def together(self, layers: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Names of the parameters that one direction runs through, from those of every layer."""
        ...

    def join(self, *tangents: Tensor | None) -> Tensor | None:
        """One tangent from those of several sources, given in forward order; None is a tangent that is zero."""
        ...

    def share(self, slopes: Float[Tensor, " rows"], layers: int) -> list[Float[Tensor, " directions"]]:
        """Directional derivatives of the loss, by layer."""
        ...


@dataclass(frozen=True)
class Global:
    """One direction through all parameters at once: one slope a direction, shared by all layers.

    The estimator's variance grows with the number of all parameters.
    """

    def together(self, layers: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        return [tuple(name for names in layers for name in names)]

    def join(self, *tangents: Tensor | None) -> Tensor | None:
        total: Tensor | None = None
        for tangent in tangents:
            if tangent is not None:
                total = tangent if total is None else total + tangent
        return total

    def share(self, slopes: Float[Tensor, " rows"], layers: int) -> list[Float[Tensor, " directions"]]:
        return [slopes] * layers


@dataclass(frozen=True)
class Layerwise:
    """A direction of its own for every layer (weight and bias together): one slope a direction and layer.

    The estimator's variance grows with the number of parameters of a layer only.
    """

    def together(self, layers: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        return list(layers)

    def join(self, *tangents: Tensor | None) -> Tensor | None:
        rows = [tangent for tangent in tangents if tangent is not None]
        return torch.cat(rows) if len(rows) > 1 else rows[0] if rows else None

    def share(self, slopes: Float[Tensor, " rows"], layers: int) -> list[Float[Tensor, " directions"]]:
        return list(slopes.reshape(layers, -1))
