"""Sums and pulses of stock processes that a clock reads once a period."""

from __future__ import annotations

import numpy as np
from lava.proc.prodneuron.process import ProdNeuron
from lava.proc.sdn.process import Sigma

from neurokit.processes.pacemaker import pacemaker
from neurokit.processes.synapses import GRADED, identity, one_sign


class _Group:
    """Processes that a SubProcessModel can take in."""

    def adopt(self, model: object, stage: str) -> None:
        """Put them among the attributes of a SubProcessModel, where Lava looks for its inner processes."""
        for name, process in vars(self).items():
            setattr(model, f"{stage}_{name}", process)


class GatedPulse(_Group):
    """What arrives at the steps `when, when + period, ...`, as one graded spike in that very step; the rest is lost.

    `gate` is a ProdNeuron whose second input, from a clock, is 1 at those steps and 0 at others; its first, `a_in1`, is
    for the caller to connect. `when >= 2`.
    """

    def __init__(self, size: int, when: int, period: int) -> None:
        self.clock = pacemaker(when - 1, period)
        self.tick = one_sign(np.ones((size, 1)))
        self.gate = ProdNeuron(shape=(size,), vth=0)
        self.clock.s_out.connect(self.tick.s_in)
        self.tick.a_out.connect(self.gate.a_in2)


class GatedSum(GatedPulse):
    """A Sigma that is read and cleared once a period.

    `sigma` adds up all that arrives. `copy` brings its value, one step later, to `gate`: there the total up to the step
    before leaves as one graded spike. Through `clear` the same spike comes back to `sigma` as its negative one step
    later.
    """

    def __init__(self, size: int, when: int, period: int) -> None:
        super().__init__(size, when, period)
        self.sigma = Sigma(shape=(size,))
        self.copy = identity(size, bits=GRADED)
        self.clear = identity(size, -1, bits=GRADED)
        self.sigma.s_out.connect(self.copy.s_in)
        self.copy.a_out.connect(self.gate.a_in1)
        self.gate.s_out.connect(self.clear.s_in)
        self.clear.a_out.connect(self.sigma.a_in)

    def shifted(self, shift: int) -> ProdNeuron:
        """A second gate that sends `total >> shift`, so that `gate` may keep clearing the whole total."""
        neuron = ProdNeuron(shape=self.gate.proc_params["shape"], vth=0, exp=shift)
        self.copy.a_out.connect(neuron.a_in1)
        self.tick.a_out.connect(neuron.a_in2)
        return neuron
