"""The model of TangentNeurons."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.processes.tangent_neurons.process import TangentNeurons


@implements(proc=TangentNeurons, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyTangentNeurons(PyLoihiProcessModel):
    """`Spiking.step` and `TangentNeuron.step` side by side."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    da_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=32)
    ds_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.spiking, self.neuron, self.cycle = (proc_params[key] for key in ("spiking", "neuron", "cycle"))
        self.silence = np.zeros(proc_params["shape"], dtype=np.int64)
        self.state: Any = None
        self.tangent: Any = None
        self._rest()

    def run_spk(self) -> None:
        a, da = self.a_in.recv().astype(np.int64), self.da_in.recv().astype(np.int64)
        if self.cycle.covers(self.time_step):
            before, _, self.state = self.spiking.step(self.state, a)
            _, ds, self.tangent = self.neuron.step(self.tangent, da, before)
            self.ds_out.send(ds)
        else:
            self._rest()
            self.ds_out.send(self.silence)

    def _rest(self) -> None:
        self.state, self.tangent = self.spiking.start(self.silence), self.neuron.start(self.silence)
