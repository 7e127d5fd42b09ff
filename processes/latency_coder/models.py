"""The models of LatencyCoder: two leaves around the one definition of a latency, and one made of stock processes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import OutOfRange, explain
from neurokit.ir.fixed_point import THRESHOLD_MANTISSA
from neurokit.ir.spike_time_grid import PARTS, Latency
from neurokit.processes.constant.process import Constant
from neurokit.processes.gated_sum import GatedPulse
from neurokit.processes.graded_coder.process import LEAD
from neurokit.processes.latency_coder.process import LATEST, LatencyCoder
from neurokit.processes.lines import FixedLines, FloatLines
from neurokit.processes.pacemaker import pacemaker
from neurokit.processes.soft_if.process import SoftIF
from neurokit.processes.synapses import GRADED, identity, one_sign


class _LatencyCoderLeaf(PyLoihiProcessModel):
    """`Latency.steps` of what is received one step before a window."""

    a_in: PyInPort
    s_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cycle, self.grid = proc_params["cycle"], Latency(PARTS)
        self.due = np.full(proc_params["shape"], LATEST)

    def run_spk(self) -> None:
        a = self.a_in.recv()
        window, t = self.cycle.local(self.time_step + LEAD)
        if window >= 0 and t == 0:
            if ((a < 0) | (a > LATEST)).any():
                bad = a[(a < 0) | (a > LATEST)][0]
                raise OutOfRange(explain("LatencyCoder: a_in", bad, f"0..{LATEST} parts of a step", "send such times"))
            self.due = self.grid.steps(a)
        now = self.cycle.covers(self.time_step)
        self.s_out.send((self.due == self.cycle.local(self.time_step)[1]) & now)


@implements(proc=LatencyCoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyLatencyCoderFixed(FixedLines, _LatencyCoderLeaf):
    """Whole parts of a step."""


@implements(proc=LatencyCoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyLatencyCoderFloat(FloatLines, _LatencyCoderLeaf):
    """Any parts of a step, rounded to whole ones."""


@implements(proc=LatencyCoder, protocol=LoihiProtocol)
class StockLatencyCoder(AbstractSubProcessModel):
    """LatencyCoder from a SoftIF, two clocks, a gated pulse and a Constant, each of stock processes.

    With a threshold TH of at least 64 parts for every step, the soma gets `TH - x` in the first step of a window and 64
    in each later one, so that its membrane is `TH - x + 64 t`: it fires in the first step with `64 t >= x`. The reset
    leaves less than 64, and what the rest of the window adds to that stays below TH.
    """

    def __init__(self, proc: LatencyCoder) -> None:
        (n,), cycle = proc.proc_params["shape"], proc.proc_params["cycle"]
        most = PARTS * cycle.steps
        e = max(0, math.ceil(math.log2(most / THRESHOLD_MANTISSA[-1])))
        k = math.ceil(most / 2**e)
        self.soma = SoftIF(shape=(n,), threshold=k * 2**e, cycle=cycle)

        self.clock = pacemaker(cycle.start - 1, cycle.period)
        self.start = one_sign(np.full((n, 1), k), e)
        self.clock.s_out.connect(self.start.s_in)
        self.start.a_out.connect(self.soma.a_in)

        pulse = GatedPulse(n, cycle.start - LEAD, cycle.period)
        pulse.adopt(self, "pulse")
        self.late = identity(n, -1, bits=GRADED)
        proc.in_ports.a_in.connect(pulse.gate.a_in1)
        pulse.gate.s_out.connect(self.late.s_in)
        self.late.a_out.connect(self.soma.a_in)

        if cycle.steps > 1:
            # Its synapse takes one step: the first step of the window receives nothing of it, all others do.
            self.ramp = Constant(digits=1, cycle=Cycle(cycle.start, cycle.steps - 1, cycle.period))
            self.rise = one_sign(np.full((n, 1), PARTS), bits=GRADED)
            self.ramp.s_out.connect(self.rise.s_in)
            self.rise.a_out.connect(self.soma.a_in)
        self.soma.s_out.connect(proc.out_ports.s_out)
