"""The models of Constant: two leaves, and one made of stock processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.process import LIFReset

from neurokit.compilers.lava.bias_digits import DIGIT_BASE, lines
from neurokit.processes.constant.process import LEAD, Constant
from neurokit.processes.pacemaker import pacemaker
from neurokit.processes.synapses import one_sign, relay


class _ConstantLeaf(PyLoihiProcessModel):
    """The definition."""

    s_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cycle = proc_params["cycle"]
        self.lines = lines(proc_params["digits"])

    def run_spk(self) -> None:
        self.s_out.send(self.lines * self.cycle.covers(self.time_step))


@implements(proc=Constant, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyConstantFixed(_ConstantLeaf):
    """Integers."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)


@implements(proc=Constant, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyConstantFloat(_ConstantLeaf):
    """The same numbers in floating point, for networks of floating-point models."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)


@implements(proc=Constant, protocol=LoihiProtocol)
class StockConstant(AbstractSubProcessModel):
    """Constant from LIF, LIFReset, Dense and GradedVec.

    A clock raises the integrator `on` (du=-1, so it stays raised and fires at every step) one step before the window,
    and the reset of LIFReset lowers it one step before the window's end; one more step takes its spikes through the
    synapses that make payloads of them.
    """

    def __init__(self, proc: Constant) -> None:
        cycle, digits = proc.proc_params["cycle"], proc.proc_params["digits"]
        rise = cycle.start - 1
        self.clock = pacemaker(rise - 1, cycle.period)
        self.tick = one_sign(np.ones((1, 1)))
        self.on = LIFReset(
            shape=(1,),
            du=-1,
            dv=4096,
            vth=0,
            reset_interval=cycle.period,
            reset_offset=(rise + cycle.steps) % cycle.period,
        )
        self.lines = relay(digits)
        assert rise - 1 == cycle.start - LEAD
        self.clock.s_out.connect(self.tick.s_in)
        self.tick.a_out.connect(self.on.a_in)
        # 1 and 128 are 8-bit weights; 16384 is 128 * 2**7 and needs a Dense with that exponent.
        self.small = one_sign(np.array([[1], [DIGIT_BASE], [0]])[:digits])
        self.on.s_out.connect(self.small.s_in)
        self.small.a_out.connect(self.lines.a_in)
        if digits > 2:
            self.large = one_sign(np.array([[0], [0], [DIGIT_BASE]]), exponent=7)
            self.on.s_out.connect(self.large.s_in)
            self.large.a_out.connect(self.lines.a_in)
        self.lines.s_out.connect(proc.out_ports.s_out)
