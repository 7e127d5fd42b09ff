"""RateCoder: a number as how often a line spikes."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.timing import Cycle
from neurokit.ir.fixed_point import split_threshold


class RateCoder(AbstractProcess):
    """Spikes `floor(x (t + 1) / levels)` times in the steps 0..t of a window in which `a_in` is a constant x.

    It is `neurokit.neurons.models.IF` with the threshold `levels` and reset `Subtract`, so that with `levels` steps a
    whole number x in `0..levels` gives x spikes, as evenly spread as they can be. `a_in` is received in every step of
    the window (a GradedCoder holds it) and must be 0 between windows.

    shape   of the lines, `(n,)`
    levels  `k * 2**e` with 1 <= k <= 255 and 0 <= e <= 7
    cycle   when it emits and receives

    On Loihi 2: the SubProcessModel is the stock form of SoftIF, which has models there; the leaf models, fixed and
    floating point, are for the simulator. All emit the same in the same steps. Raises OutOfRange for other levels.
    """

    def __init__(self, *, shape: tuple[int, ...], levels: int, cycle: Cycle) -> None:
        split_threshold(levels)
        super().__init__(shape=shape, levels=levels, cycle=cycle)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
