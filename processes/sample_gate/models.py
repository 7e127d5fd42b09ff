"""The models of SampleGate: two leaves, and one made of stock processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.compilers.lava.timing import Cycle
from neurokit.processes.constant.process import Constant
from neurokit.processes.lines import FixedLines, FloatLines
from neurokit.processes.sample_gate.process import SampleGate
from neurokit.processes.synapses import GRADED, gate, one_sign


class _SampleGateLeaf(PyLoihiProcessModel):
    """The definition."""

    a_in: PyInPort
    s_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.shut = proc_params["shut"]

    def run_spk(self) -> None:
        self.s_out.send((self.a_in.recv() > 0) & (not self.shut.covers(self.time_step)))


@implements(proc=SampleGate, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySampleGateFixed(FixedLines, _SampleGateLeaf):
    """Integers."""


@implements(proc=SampleGate, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySampleGateFloat(FloatLines, _SampleGateLeaf):
    """Floating point."""


@implements(proc=SampleGate, protocol=LoihiProtocol)
class StockSampleGate(AbstractSubProcessModel):
    """SampleGate from LIF, Dense and what a Constant is made of.

    `neurons` have no memory and pass a spike on in the same step, unless the -1 arrives with it that a Constant sends
    while the gate is shut; its synapse takes one step.
    """

    def __init__(self, proc: SampleGate) -> None:
        (n,), shut = proc.proc_params["shape"], proc.proc_params["shut"]
        self.constant = Constant(digits=1, cycle=Cycle(shut.start - 1, shut.steps, shut.period))
        self.against = one_sign(np.full((n, 1), -1), bits=GRADED)
        self.neurons = gate(n)
        self.constant.s_out.connect(self.against.s_in)
        self.against.a_out.connect(self.neurons.a_in)
        proc.in_ports.a_in.connect(self.neurons.a_in)
        self.neurons.s_out.connect(proc.out_ports.s_out)
