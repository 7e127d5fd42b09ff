"""The models of SoftIF: two leaves around the one definition of the neuron, and one made of stock processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.process import LIF, LIFReset

from neurokit.ir.fixed_point import split_threshold
from neurokit.neurons.models import IF, heaviside
from neurokit.processes.lines import FixedLines, FloatLines
from neurokit.processes.pacemaker import pacemaker
from neurokit.processes.soft_if.process import SoftIF
from neurokit.processes.synapses import identity, one_sign


class _SoftIFLeaf(PyLoihiProcessModel):
    """`IF.step` in every step of a window, silence and an empty membrane outside."""

    a_in: PyInPort
    s_out: PyOutPort
    u: np.ndarray

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.neuron = IF(proc_params["threshold"])
        self.cycle = proc_params["cycle"]
        self.m: Any = 0

    def run_spk(self) -> None:
        a = self.a_in.recv()
        if self.cycle.covers(self.time_step):
            self.u, s, self.m = self.neuron.step(self.m, a, heaviside)
        else:
            self.u, s, self.m = np.zeros_like(self.u), np.zeros_like(self.u), 0
        self.s_out.send(s)


@implements(proc=SoftIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftIFFixed(FixedLines, _SoftIFLeaf):
    """Integers."""

    u: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)


@implements(proc=SoftIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySoftIFFloat(FloatLines, _SoftIFLeaf):
    """Floating point."""

    u: np.ndarray = LavaPyType(np.ndarray, float)


@implements(proc=SoftIF, protocol=LoihiProtocol)
class StockSoftIF(AbstractSubProcessModel):
    """SoftIF from LIF, LIFReset and Dense.

    `soma` is `LIFReset(du=-1, dv=4096, vth=threshold - 1)`: its current u never decays, so it integrates; its
    voltage v forgets everything each step, so v = u and the hard reset of v does no harm; every spike comes back
    through `subtract` one step later as -threshold. That is the soft reset.

    Between windows the soma must forget. At the guard step t = steps it is set to 0, and the -threshold of a spike
    in the last step arrives after that; so the soma holds -threshold or 0, is silent, and owes the threshold back.
    `last` sees both the clock, which arrives only at the guard step, and the spikes of the step before: it fires
    where both are there, and its spike through `restore` gives +threshold one step later, when the next window may
    already begin. From there on the membrane is the sum of the new window's currents, whatever the old one left.
    """

    def __init__(self, proc: SoftIF) -> None:
        shape, cycle = proc.proc_params["shape"], proc.proc_params["cycle"]
        threshold = proc.proc_params["threshold"]
        k, e = split_threshold(threshold)
        (n,) = shape
        guard = cycle.start + cycle.steps
        self.soma = LIFReset(
            shape=shape,
            du=-1,
            dv=4096,
            vth=threshold - 1,
            reset_interval=cycle.period,
            reset_offset=guard % cycle.period,
        )
        self.subtract = identity(n, -k, e)
        self.clock = pacemaker(guard - 1, cycle.period)
        self.tick = one_sign(np.ones((n, 1)))
        self.echo = identity(n)
        self.last = LIF(shape=shape, du=4095, dv=4096, vth=1)
        self.restore = identity(n, k, e)

        proc.in_ports.a_in.connect(self.soma.a_in)
        self.soma.s_out.connect(self.subtract.s_in)
        self.subtract.a_out.connect(self.soma.a_in)
        self.soma.s_out.connect(self.echo.s_in)
        self.echo.a_out.connect(self.last.a_in)
        self.clock.s_out.connect(self.tick.s_in)
        self.tick.a_out.connect(self.last.a_in)
        self.last.s_out.connect(self.restore.s_in)
        self.restore.a_out.connect(self.soma.a_in)
        self.soma.s_out.connect(proc.out_ports.s_out)
        proc.vars.u.alias(self.soma.vars.u)
