"""Mesh: where a core lies on its chip, and which way a message goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from neurokit.hw_configs import Chip


class Way(NamedTuple):
    """Of messages from one core to another, by pair: hops along rows and columns, and whether they leave the chip."""

    east_west: Int64[np.ndarray, " pairs"]
    north_south: Int64[np.ndarray, " pairs"]
    within_tile: Bool[np.ndarray, " pairs"]
    between_chips: Bool[np.ndarray, " pairs"]


@dataclass(frozen=True)
class Mesh:
    """Routers in `columns` and `rows`, each with a tile of `cores_per_router` cores.

    Cores are numbered tile by tile, the tiles along the rows, to and fro: neighbours in number are neighbours in space.
    """

    columns: int
    rows: int
    cores_per_router: int
    cores_per_chip: int

    @classmethod
    def of(cls, chip: Chip, cores_per_chip: int) -> Mesh | None:
        """The mesh of a chip of which `cores_per_chip` cores are in use; None if it is not known."""
        if chip.mesh_columns is None or chip.mesh_rows is None or chip.cores_per_router is None:
            return None
        return cls(chip.mesh_columns.value, chip.mesh_rows.value, chip.cores_per_router.value, cores_per_chip)

    def router(self, core: Int64[np.ndarray, " n"]) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """Column and row of the routers of cores."""
        row, along = np.divmod(core % self.cores_per_chip // self.cores_per_router, self.columns)
        return np.where(row % 2, self.columns - 1 - along, along), row

    def way(self, source: Int64[np.ndarray, " pairs"], target: Int64[np.ndarray, " pairs"]) -> Way:
        """The way from cores `source` to cores `target`. No hops are counted of messages that leave their chip."""
        (x0, y0), (x1, y1) = self.router(source), self.router(target)
        leaves = source // self.cores_per_chip != target // self.cores_per_chip
        across, along = np.where(leaves, 0, abs(x1 - x0)), np.where(leaves, 0, abs(y1 - y0))
        return Way(across, along, ~leaves & (across + along == 0), leaves)
