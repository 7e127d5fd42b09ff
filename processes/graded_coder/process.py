"""GradedCoder: a sample held over its window as graded spikes."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.timing import Cycle

#: Steps before a window in which a coder receives what it is to say.
LEAD = 1
#: The first step at which the window of a coder's stock form can start.
EARLIEST = 3


class GradedCoder(AbstractProcess):
    """Hears a sample once and says it at every step of the window: sample and hold, the direct code of a network.

        s_out[t] = x for 0 <= t < cycle.steps, where x was a_in one step before the window; else 0

    shape  of the lines, `(n,)`; x of 24 bits, signed
    cycle  when it emits; its windows start at chip step 3 or later

    What arrives at other steps is lost, so a sample costs the border of a chip one message a line, not one a step.

    On Loihi 2: the SubProcessModel is made of stock processes (ProdNeuron, Sigma, Dense, LIF), which have models there;
    the leaf models, fixed and floating point, are for the simulator. All emit the same in the same steps.
    """

    def __init__(self, *, shape: tuple[int, ...], cycle: Cycle) -> None:
        assert cycle.start >= EARLIEST
        super().__init__(shape=shape, cycle=cycle)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
