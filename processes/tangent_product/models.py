"""The model of TangentProduct."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.processes.tangent_product.process import TangentProduct


@implements(proc=TangentProduct, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyTangentProduct(PyLoihiProcessModel):
    """The definition."""

    l_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    r_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    dl_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    dr_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    dy_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cuts = proc_params["cuts"]

    def run_spk(self) -> None:
        left, right, dl, dr = (p.recv().astype(np.int64) for p in (self.l_in, self.r_in, self.dl_in, self.dr_in))
        self.dy_out.send((dl * right >> self.cuts[0]) + (left * dr >> self.cuts[1]))
