"""Cycle: the periodic timetable of one node."""

from __future__ import annotations

from dataclasses import dataclass

from neurokit.errors import OutOfRange, explain


@dataclass(frozen=True)
class Cycle:
    """Windows of `steps` time steps, one every `period` chip steps, the first at chip step `start`.

    Chip steps count from 1, as Lava's `time_step` does. Local time `t` runs from 0; steps with `t >= steps` lie
    between two windows, where everything is silent and states are reset. Raises OutOfRange unless `start >= 1`,
    `steps >= 1` and `period > steps` (one such guard step is needed).
    """

    start: int
    steps: int
    period: int

    def __post_init__(self) -> None:
        if self.start < 1 or self.steps < 1 or self.period <= self.steps:
            raise OutOfRange(
                explain(
                    "Cycle(start, steps, period)",
                    (self.start, self.steps, self.period),
                    "start >= 1, steps >= 1, period >= steps + 1",
                    "leave at least one guard step between windows",
                )
            )

    def local(self, chip_step: int) -> tuple[int, int]:
        """`(window, t)` of a chip step; `window < 0` before the first one."""
        return divmod(chip_step - self.start, self.period)

    def covers(self, chip_step: int) -> bool:
        """Whether a chip step lies inside a window."""
        window, t = self.local(chip_step)
        return window >= 0 and t < self.steps
