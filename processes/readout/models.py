"""The models of Readout: a leaf, and one made of stock processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.compilers.lava.schedule import LAG
from neurokit.neurons.readouts import MemMean
from neurokit.processes.gated_sum import GatedSum
from neurokit.processes.lines import FixedLines, FloatLines
from neurokit.processes.readout.process import Readout
from neurokit.processes.synapses import GRADED, identity


class _ReadoutLeaf(PyLoihiProcessModel):
    """The definition: weigh, add, and send at the step at which the stock form does."""

    a_in: PyInPort
    s_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cycle, self.shift = proc_params["cycle"], proc_params["shift"]
        self.weights = proc_params["rule"].weights(self.cycle.steps)
        self.wait = LAG[type(proc_params["rule"])] - 1
        self.silence = np.zeros(proc_params["shape"], dtype=np.int64)
        self.total, self.ready = self.silence, self.silence

    def shifted(self, total: np.ndarray) -> np.ndarray:
        """What is sent for a total."""
        raise NotImplementedError

    def run_spk(self) -> None:
        a = self.a_in.recv()
        window, t = self.cycle.local(self.time_step)
        if t == self.cycle.steps:
            self.ready, self.total = self.shifted(self.total), self.silence
        due = window >= 0 and self.cycle.local(self.time_step - self.wait)[1] == self.cycle.steps
        self.s_out.send(self.ready if due else self.silence)
        if window >= 0 and t < self.cycle.steps:
            self.total = self.total + self.weights[t] * a


@implements(proc=Readout, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyReadoutFixed(FixedLines, _ReadoutLeaf):
    """Integers."""

    def shifted(self, total: np.ndarray) -> np.ndarray:
        shifted: np.ndarray = total >> self.shift
        return shifted


@implements(proc=Readout, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyReadoutFloat(FloatLines, _ReadoutLeaf):
    """Floating point: without the floor."""

    def shifted(self, total: np.ndarray) -> np.ndarray:
        return np.asarray(total / 2**self.shift)


@implements(proc=Readout, protocol=LoihiProtocol)
class StockReadout(AbstractSubProcessModel):
    """Readout from Sigma, ProdNeuron, Dense and LIF.

    Rate: one GatedSum, read at local time `steps`; cleared one step later, when the next window may begin.

    MemMean: a GatedSum of the values of a first one, `sum_t v[t] = sum_t (steps - t) a[t]`. The first holds its total
    for one step too long (at the guard step), so a stale total is on its way to the second when the first is
    cleared; the first's gate spike, which is that same total, is subtracted from the second in that very step.
    """

    def __init__(self, proc: Readout) -> None:
        (n,) = proc.proc_params["shape"]
        cycle, shift = proc.proc_params["cycle"], proc.proc_params["shift"]
        over = cycle.start + cycle.steps
        first = last = GatedSum(n, over, cycle.period)
        first.adopt(self, "first")
        if isinstance(proc.proc_params["rule"], MemMean):
            last = GatedSum(n, over + 1, cycle.period)
            last.adopt(self, "second")
            self.link = identity(n, bits=GRADED)
            self.stale = identity(n, -1, bits=GRADED)
            first.sigma.s_out.connect(self.link.s_in)
            self.link.a_out.connect(last.sigma.a_in)
            first.gate.s_out.connect(self.stale.s_in)
            self.stale.a_out.connect(last.sigma.a_in)
        proc.in_ports.a_in.connect(first.sigma.a_in)
        self.sender = last.shifted(shift) if shift else last.gate
        self.sender.s_out.connect(proc.out_ports.s_out)
