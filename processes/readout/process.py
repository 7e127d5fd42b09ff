"""Readout: the weighted sum of a window's currents, as one graded spike."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.schedule import LAG
from neurokit.compilers.lava.timing import Cycle
from neurokit.neurons.readouts import ReadoutRule


class Readout(AbstractProcess):
    """Sends `y = floor(sum_t w[t] * a_in[t] / 2**shift)` once a window and nothing at other times.

    The weights are those of `rule`: `w[t] = 1` for Rate, `w[t] = steps - t` for MemMean. The spike leaves at local
    time `steps - 1 + LAG[type(rule)]`: `steps` for Rate and `steps + 1` for MemMean (which may be the first step of the
    next window). `a_in` must be 0 between windows.

    shape  of the lines, `(n,)`
    shift  0..31; done by the neuron that sends
    cycle  when its windows are

    All totals before the shift must fit 24 bits (the caller proves it). Leaf models in fixed and, without the floor, in
    floating point (simulator; on the chip it would need microcode), and a SubProcessModel of stock processes only, all
    of which also have Loihi 2 models; those in fixed point emit the same in the same steps.
    """

    def __init__(self, *, shape: tuple[int, ...], rule: ReadoutRule, shift: int, cycle: Cycle) -> None:
        assert type(rule) in LAG
        super().__init__(shape=shape, rule=rule, shift=shift, cycle=cycle)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
