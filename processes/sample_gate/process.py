"""SampleGate: nothing of one sample reaches the next."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.timing import Cycle
from neurokit.processes.constant.process import LEAD


class SampleGate(AbstractProcess):
    """Passes spikes on in the step in which they come, but for the steps in which it is shut.

        s_out[n] = 1 if a_in[n] > 0 and the chip step n is in no window of `shut`, else 0

    What is delayed on its way, or comes back to its own population, may arrive when the next sample has begun; a gate
    that is shut from the end of a window on keeps it out.

    shape  of the lines, `(n,)`; `a_in` is 0 or 1
    shut   when it is shut; the first time at chip step 4 or later

    On Loihi 2: the SubProcessModel is made of stock processes (Constant's, Dense, LIF), which have models there; the
    leaf models, fixed and floating point, are for the simulator. All emit the same in the same steps.
    """

    def __init__(self, *, shape: tuple[int, ...], shut: Cycle) -> None:
        assert shut.start > LEAD + 1
        super().__init__(shape=shape, shut=shut)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
