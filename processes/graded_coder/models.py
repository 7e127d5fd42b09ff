"""The models of GradedCoder: two leaves, and one made of stock processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.processes.gated_sum import GatedPulse, GatedSum
from neurokit.processes.graded_coder.process import LEAD, GradedCoder
from neurokit.processes.lines import FixedLines, FloatLines
from neurokit.processes.synapses import GRADED, identity, relay


class _GradedCoderLeaf(PyLoihiProcessModel):
    """The definition: keep what is received one step before a window, and say it throughout."""

    a_in: PyInPort
    s_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cycle = proc_params["cycle"]
        self.held = self.silence = np.zeros(proc_params["shape"])

    def run_spk(self) -> None:
        a = self.a_in.recv()
        window, t = self.cycle.local(self.time_step + LEAD)
        if window >= 0 and t == 0:
            self.held = a
        self.s_out.send(self.held if self.cycle.covers(self.time_step) else self.silence)


@implements(proc=GradedCoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGradedCoderFixed(FixedLines, _GradedCoderLeaf):
    """Integers."""


@implements(proc=GradedCoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyGradedCoderFloat(FloatLines, _GradedCoderLeaf):
    """Floating point."""


@implements(proc=GradedCoder, protocol=LoihiProtocol)
class StockGradedCoder(AbstractSubProcessModel):
    """GradedCoder from ProdNeuron, Sigma, Dense and LIF.

    A gated pulse of the sample enters a GatedSum, whose Sigma says it until the gate of the window's last step takes it
    out again. A window of one step is the pulse itself, one step later.
    """

    def __init__(self, proc: GradedCoder) -> None:
        (n,), cycle = proc.proc_params["shape"], proc.proc_params["cycle"]
        pulse = GatedPulse(n, cycle.start - LEAD, cycle.period)
        pulse.adopt(self, "pulse")
        proc.in_ports.a_in.connect(pulse.gate.a_in1)
        self.enter = identity(n, bits=GRADED)
        pulse.gate.s_out.connect(self.enter.s_in)
        if cycle.steps == 1:
            self.speaker = relay(n)
        else:
            held = GatedSum(n, cycle.start + cycle.steps - 1, cycle.period)
            held.adopt(self, "held")
            self.speaker = held.sigma
        self.enter.a_out.connect(self.speaker.a_in)
        self.speaker.s_out.connect(proc.out_ports.s_out)
