"""SoftIF: integrate-and-fire neurons with soft reset that work in windows."""

from __future__ import annotations

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var

from neurokit.compilers.lava.timing import Cycle
from neurokit.ir.fixed_point import split_threshold


class SoftIF(AbstractProcess):
    """A population of `neurokit.neurons.models.IF` with reset `Subtract`, working in windows of time.

    In the local time `t` of `cycle`, from `m = 0` before every window:

        t < steps:   u = m + a_in;  s_out = 1 if u >= threshold else 0;  m = u - s_out * threshold
        t >= steps:  silent; a_in must be 0 there

    shape      of the population, `(n,)`
    threshold  `k * 2**e` with 1 <= k <= 255 and 0 <= e <= 7; |u| < 2**17 (the caller proves it)
    cycle      when its windows are

    Var `u` is the membrane before the reset: in its own units in the leaf models, times `StockForm.membrane_unit` in
    the stock form, whose LIFReset keeps 6 bits of fraction.

    Leaf models in fixed and floating point (simulator; on the chip a neuron of this kind would need microcode), and a
    SubProcessModel of stock processes only, all of which also have Loihi 2 models. All three emit the same spikes in
    the same steps. On the chip, LIFReset wants a reset interval that is a power of two: choose the period so there.

    Raises OutOfRange when the threshold is not of that form.
    """

    def __init__(self, *, shape: tuple[int, ...], threshold: int, cycle: Cycle) -> None:
        split_threshold(threshold)
        super().__init__(shape=shape, threshold=threshold, cycle=cycle)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.u = Var(shape=shape, init=np.zeros(shape, dtype=np.int32))
