"""The models of RateCoder: two leaves around the one definition of the neuron, and one made of stock processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.neurons.models import IF, heaviside
from neurokit.processes.lines import FixedLines, FloatLines
from neurokit.processes.rate_coder.process import RateCoder
from neurokit.processes.soft_if.process import SoftIF


class _RateCoderLeaf(PyLoihiProcessModel):
    """`IF.step` in every step of a window, silence and an empty membrane outside."""

    a_in: PyInPort
    s_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.neuron, self.cycle = IF(proc_params["levels"]), proc_params["cycle"]
        self.silence = np.zeros(proc_params["shape"])
        self.m: Any = 0

    def run_spk(self) -> None:
        a = self.a_in.recv()
        s, m = self.silence, 0
        if self.cycle.covers(self.time_step):
            _, s, m = self.neuron.step(self.m, a, heaviside)
        self.m = m
        self.s_out.send(s)


@implements(proc=RateCoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRateCoderFixed(FixedLines, _RateCoderLeaf):
    """Integers."""


@implements(proc=RateCoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyRateCoderFloat(FloatLines, _RateCoderLeaf):
    """Floating point: x may be any number."""


@implements(proc=RateCoder, protocol=LoihiProtocol)
class StockRateCoder(AbstractSubProcessModel):
    """RateCoder from a SoftIF, which Lava makes of stock processes."""

    def __init__(self, proc: RateCoder) -> None:
        shape, levels, cycle = (proc.proc_params[key] for key in ("shape", "levels", "cycle"))
        self.soma = SoftIF(shape=shape, threshold=levels, cycle=cycle)
        proc.in_ports.a_in.connect(self.soma.a_in)
        self.soma.s_out.connect(proc.out_ports.s_out)
