"""silicon: what has been measured in public on Loihi 2, and what the estimate's prices say of the same networks.

Every row states its network by shapes, steps and activity. What the source does not say is assumed: as a smaller and a
larger workload, between which the true one is taken to lie. Rows that we could read only in others' words are marked
`second_hand`. The rows themselves are in `silicon_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from neurokit.compilers.chip.estimation.estimate import Range
from neurokit.compilers.chip.estimation.prices import MILLI, prices
from neurokit.compilers.chip.estimation.timing import InTurn, Overlapped, step_work
from neurokit.compilers.chip.estimation.workload import Workload
from neurokit.errors import OutOfRange, explain
from neurokit.hw_configs import Chip

#: What is measured of one sample: seconds, watts of a chip that does nothing, joules beyond those, and joules in all.
QUANTITIES = ("time_s", "static_w", "dynamic_j", "energy_j")


@dataclass(frozen=True)
class Row:
    """One measurement of one network on one Loihi 2 chip.

    Parameters
    ----------
    name, source : str
    least, most : Workload
        The smallest and the largest that the network may be asked of, as far as its source says.
    measured : mapping of str to (float, float)
        By quantity of QUANTITIES, of one sample: from and to; equal where one number was printed.
    assumed : str
        What of the workloads, and of the numbers, the source does not say.
    busy_with : "barrier" or "synop"
        What most of a step's time goes to: the price of which the row says most.
    second_hand : bool
        Whether we read the numbers in others' words only.
    unexplained : mapping of str to str
        Quantities that no price of a core explains, and why; they are shown, and neither fitted nor held.

    Raises
    ------
    OutOfRange
        For an unknown quantity, or a number that is no measurement.
    """

    name: str
    source: str
    least: Workload
    most: Workload
    measured: Mapping[str, tuple[float, float]]
    assumed: str
    busy_with: Literal["barrier", "synop"]
    second_hand: bool = False
    unexplained: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        for quantity, (low, high) in self.measured.items():
            if quantity not in QUANTITIES:
                legal = f"one of {', '.join(QUANTITIES)}"
                raise OutOfRange(explain(f"row {self.name!r}: quantity", repr(quantity), legal, "name it so"))
            if not 0.0 < low <= high:
                raise OutOfRange(
                    explain(f"row {self.name!r}: {quantity}", (low, high), "0 < low <= high", "give what was measured")
                )

    @property
    def held(self) -> tuple[str, ...]:
        """The quantities that the estimate has to contain."""
        return tuple(name for name in self.measured if name not in (self.unexplained or {}))


def predict(row: Row, chip: Chip) -> dict[str, Range]:
    """The ranges of every quantity of QUANTITIES, of one sample.

    Time, per step: the low end is `max(neurons, synops, barrier)` of the busiest core of the least workload at low
    prices, the high end `neurons + synops + barrier` of the most one at high prices: the rules of `estimate`. Dynamic
    energy is a sum of operations times prices; energy adds the static power times the time.

    Parameters
    ----------
    row : Row
    chip : Chip
        Whose prices are held against the row.

    Returns
    -------
    dict of str to Range
        Unknown where the chip has no price at all for it.
    """
    time = Range(_seconds(row.least, chip, "low"), _seconds(row.most, chip, "high"))
    power = chip.static_power_mw
    static = Range(None, None) if power is None else Range(power.low * MILLI, power.high * MILLI)
    dynamic = Range(_joules(row.least, chip, "low"), _joules(row.most, chip, "high"))
    at_rest = static * time
    total = Range(None, None)
    if at_rest.low is not None and at_rest.high is not None and dynamic.low is not None and dynamic.high is not None:
        total = Range(at_rest.low + dynamic.low, at_rest.high + dynamic.high)
    return {"time_s": time, "static_w": static, "dynamic_j": dynamic, "energy_j": total}


def contains(found: Range, measured: tuple[float, float]) -> bool:
    """Whether all of what was measured lies in a range."""
    return found.low is not None and found.high is not None and found.low <= measured[0] and measured[1] <= found.high


def at_measured_time(row: Row, chip: Chip) -> Row:
    """The row with those rates of activity alone at which the prices give the time that was measured.

    The network is taken to be equally active in all layers. A row whose time was not measured stays as it is, as do
    rates that no time excludes.
    """
    if "time_s" not in row.held:
        return row
    low, high = row.measured["time_s"]
    least, most = row.least, row.most
    rates = np.linspace(least.rate, most.rate, 65)
    fits = [
        rate
        for rate in rates
        if _seconds(replace(least, rate=rate), chip, "low") <= low
        and _seconds(replace(most, rate=rate), chip, "high") >= high
    ]
    if not fits:
        return row
    return replace(row, least=replace(least, rate=fits[0]), most=replace(most, rate=fits[-1]))


def _seconds(work: Workload, chip: Chip, end: str) -> float:
    """One sample, at the low end with neurons that nothing reaches, at the high one with all of them active."""
    counts = work.counts()
    priced = prices(chip, None)[1].at(end)
    kind, rule = ("neuron_idle", Overlapped()) if end == "low" else ("neuron_active", InTurn())
    step = rule(step_work({kind: counts["neurons"], "synop": counts["synop"]}, priced))
    return work.steps * float(step)


def _joules(work: Workload, chip: Chip, end: str) -> float | None:
    """The dynamic energy of one sample; None if no operation has a price."""
    counts = work.counts()
    priced = prices(chip, None)[0].at(end)
    kind = "neuron_idle" if end == "low" else "neuron_active"
    each = {kind: float(counts["neurons"].sum()), "synop": float(counts["synop"].sum()), "barrier": 1.0}
    known = [count * priced[name] for name, count in each.items() if name in priced]
    return work.steps * sum(known) if known else None
