"""Prices: what each operation costs on a chip, at the low and at the high end, and which prices nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurokit.hw_configs import Chip
from neurokit.hw_configs.quantities import OPERATIONS, Costs, Quantity

PICO, NANO, MILLI = 1e-12, 1e-9, 1e-3


@dataclass(frozen=True)
class Prices:
    """Prices in SI units by operation; an operation without a published price is absent.

    assumed  by operation: what was taken, and from where
    """

    low: Mapping[str, float]
    high: Mapping[str, float]
    assumed: Mapping[str, str]

    @classmethod
    def of(cls, what: str, costs: Costs, unit: str, factor: float, stand_in: tuple[str, Costs] | None) -> Prices:
        """The prices in `costs`; those that it lacks from `stand_in`, a chip's name and its costs, if there is one."""
        low: dict[str, float] = {}
        high: dict[str, float] = {}
        assumed: dict[str, str] = {}
        for operation in OPERATIONS:
            price: Quantity | None = getattr(costs, operation)
            borrowed = ""
            if price is None and stand_in is not None:
                price = getattr(stand_in[1], operation)
                borrowed = f", taken from {stand_in[0]} as asked"
            if price is not None:
                low[operation], high[operation] = price.low * factor, price.high * factor
                said = f"{price.low:g}..{price.high:g} {unit}{borrowed} ({price.kind}; {price.source})"
                assumed[operation] = f"{what} of {operation}: {said}"
        return cls(low, high, assumed)

    def at(self, end: str) -> Mapping[str, float]:
        """Prices at the `low` or `high` end."""
        return self.low if end == "low" else self.high


def prices(chip: Chip, stand_in: Chip | None) -> tuple[Prices, Prices]:
    """`(energies, times)` of the operations of a chip."""
    energies = None if stand_in is None else (stand_in.name, stand_in.energy_pj)
    times = None if stand_in is None else (stand_in.name, stand_in.time_ns)
    return (
        Prices.of("energy", chip.energy_pj, "pJ", PICO, energies),
        Prices.of("time", chip.time_ns, "ns", NANO, times),
    )
