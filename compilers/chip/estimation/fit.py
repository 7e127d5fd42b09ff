"""fit: prices of Loihi 2 from what was measured on it.

A row and a price `p`, all else as it is, agree where the range of the prediction contains what was measured:

    a <= p <= b,  a = least p whose high end reaches it,  b = largest p whose low end does not pass it

so a row whose workload is not known exactly says an interval `[a, b]`, and a price that is the same everywhere lies in
all of them. The fitted range is `[max a, min b]`, or, where rows contradict each other, `[min b, max a]`, the narrowest
that still contains every row. It is widened at both ends by SCATTER, by which one network differed between two runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scipy.optimize import brentq

from neurokit.compilers.chip.estimation.estimate import Range
from neurokit.compilers.chip.estimation.silicon import Row, at_measured_time, contains, predict
from neurokit.errors import OutOfRange, explain
from neurokit.hw_configs import Chip
from neurokit.hw_configs.quantities import Quantity

#: PilotNet SNN on the same frame, 408.91 frames a second in one run and 342.29 in another.
SCATTER = 408.91 / 342.29
#: What Intel's ratio to Loihi 1 (high) and its rate of Hala Point (low) give for the time of a synaptic operation, ns.
VENDOR_SYNOP = (0.37, 0.7)
#: Beyond any price, in the units of a Chip.
BEYOND = 1e9


@dataclass(frozen=True)
class Fitted:
    """One price: its range in the units of a Chip, and the interval that every row said."""

    price: str
    low: float
    high: float
    said: tuple[tuple[str, float, float], ...]

    @property
    def ratio(self) -> float:
        """High over low."""
        return self.high / self.low


def with_price(chip: Chip, price: str, low: float, high: float) -> Chip:
    """A chip with one price replaced: `static_power_mw`, or one of `time_ns` or `energy_pj` as in "time_ns.barrier"."""
    made = Quantity(value=math.sqrt(low * high), low=low, high=high, source="fitted to ROWS", kind="measured")
    table, _, name = price.partition(".")
    if not name:
        return chip.model_copy(update={table: made})
    return chip.model_copy(update={table: getattr(chip, table).model_copy(update={name: made})})


def interval(row: Row, quantity: str, price: str, chip: Chip) -> tuple[float, float]:
    """`(a, b)` as above: the values of a price at which the prediction of one quantity contains what was measured.

    Where the time was measured and another quantity is asked, rates of activity that contradict that time are left out,
    and energy at rest is that of the measured time.
    """
    if quantity != "time_s":
        row = at_measured_time(row, chip)
    low, high = row.measured[quantity]

    def end(which: str) -> Callable[[float], float]:
        def at(value: float) -> float:
            found = predict(row, with_price(chip, price, value, value))
            reached = getattr(found[quantity], which)
            if quantity == "energy_j":
                time, power = row.measured["time_s"][which == "high"], getattr(found["static_w"], which)
                reached = getattr(found["dynamic_j"], which) + power * time
            return float(reached)

        return at

    below, above = end("high"), end("low")
    least = 0.0 if below(0.0) >= high else _root(lambda value: below(value) - high)
    most = BEYOND if above(BEYOND) <= low else 0.0 if above(0.0) > low else _root(lambda value: above(value) - low)
    return least, most


def _root(crossing: Callable[[float], float]) -> float:
    return float(brentq(crossing, 0.0, BEYOND, xtol=1e-12, rtol=1e-12))


#: Prices in the order in which they are fitted, the quantities that say something of each, and of which rows.
STAGES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("static_power_mw", ("static_w",), ("barrier", "synop")),
    ("time_ns.barrier", ("time_s",), ("barrier",)),
    ("time_ns.synop", ("time_s",), ("synop",)),
    ("energy_pj.synop", ("dynamic_j", "energy_j"), ("synop",)),
    ("energy_pj.barrier", ("dynamic_j", "energy_j"), ("barrier",)),
)


def fit(rows: Sequence[Row], chip: Chip, *, scatter: float = SCATTER) -> tuple[Chip, tuple[Fitted, ...]]:
    """Fit static power, barrier and synaptic operations to rows.

    Parameters
    ----------
    rows : sequence of Row
    chip : Chip
        Whose other prices, those of neurons, stay.
    scatter : float
        Factor at least 1 by which every range is widened at both ends.

    Returns
    -------
    (Chip, tuple of Fitted)
        The chip with the fitted prices, and what each row said of them.

    Raises
    ------
    OutOfRange
        When no row says anything of a price, or the scatter is below 1.
    """
    if scatter < 1.0:
        raise OutOfRange(explain("fit: scatter", scatter, "at least 1", "leave it out"))
    chip = _unfitted(chip)
    found = []
    for price, quantities, kinds in STAGES:
        said = [
            (row.name, *interval(row, quantity, price, chip))
            for row in rows
            for quantity in quantities
            if quantity in row.held and row.busy_with in kinds
        ]
        if price == "time_ns.synop":
            said.append(("Intel's ratios", *VENDOR_SYNOP))
        if not said:
            raise OutOfRange(explain(f"fit: rows that say {price}", 0, "one or more", "give more measurements"))
        ends = max(a for _, a, _ in said), min(b for _, _, b in said)
        made = Fitted(price, min(ends) / scatter, max(ends) * scatter, tuple(said))
        found.append(made)
        chip = with_price(chip, price, made.low, made.high)
    return chip, tuple(found)


def _unfitted(chip: Chip) -> Chip:
    """The chip as it was before anything was fitted, so that a fit does not rest on another one."""
    chip = with_price(chip, "time_ns.synop", *VENDOR_SYNOP)
    return chip.model_copy(update={"energy_pj": chip.energy_pj.model_copy(update={"synop": None, "barrier": None})})


def rows_of_prices(found: Sequence[Fitted], chip: Chip) -> list[dict[str, object]]:
    """Fitted prices beside those of a chip's file, for a report."""
    rows: list[dict[str, object]] = []
    for each in found:
        table, _, name = each.price.partition(".")
        held = getattr(chip, table) if not name else getattr(getattr(chip, table), name)
        rows.append(
            {
                "price": each.price,
                "fitted_low": each.low,
                "fitted_high": each.high,
                "ratio": each.ratio,
                "rows": len(each.said),
                "file_low": None if held is None else held.low,
                "file_high": None if held is None else held.high,
            }
        )
    return rows


def left_out(rows: Sequence[Row], chip: Chip) -> dict[str, dict[str, tuple[Range, bool]]]:
    """Leave-one-out: of every row and quantity, the range of a fit without that row, and whether it contains it."""
    found = {}
    for row in rows:
        without, _ = fit([other for other in rows if other is not row], chip)
        ranges = predict(row, without)
        found[row.name] = {name: (ranges[name], contains(ranges[name], row.measured[name])) for name in row.held}
    return found
