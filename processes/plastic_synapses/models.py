"""The model of PlasticSynapses."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.learning.plastic_layer import LayerAtWork
from neurokit.processes.plastic_synapses.process import PlasticSynapses


@implements(proc=PlasticSynapses, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyPlasticSynapses(PyLoihiProcessModel):
    """`LayerAtWork`, and the time that synapses take."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    ds_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    da_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cycle, layer = proc_params["cycle"], proc_params["layer"]
        self.received = layer.node.shape[1]
        self.work = LayerAtWork(layer)
        self.orders = proc_params["orders"].open()
        self.copy = proc_params["copy"].open(writable=True)
        silence = np.zeros(layer.node.shape[0], dtype=np.int64)
        self.pending = deque([(silence, silence)] * proc_params["lag"])
        self.silence = silence

    def run_spk(self) -> None:
        # Said before it is received, as Lava's own synapses do, lest a loop of processes wait for itself.
        a, da = self.pending.popleft()
        self.a_out.send(a)
        self.da_out.send(da)
        s, ds = self.s_in.recv()[: self.received], self.ds_in.recv()[: self.received]
        if not self.cycle.covers(self.time_step):
            self.pending.append((self.silence, self.silence))
            return
        _, t = self.cycle.local(self.time_step)
        if t == 0 and self.work.obey(self.orders[0, 0]):
            # The count last: whoever finds it, finds the rest.
            self.copy[0, 0, 1:] = self.work.flat()
            self.copy[0, 0, 0] = self.work.updates
        self.pending.append(self.work.currents(s.astype(np.int64), ds.astype(np.int64), t))
