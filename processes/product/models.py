"""The models of Product: two leaves, and Lava's own neuron."""

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
from lava.proc.prodneuron.process import ProdNeuron

from neurokit.errors import OutOfRange, explain
from neurokit.ir.fixed_point import Widths
from neurokit.processes.product.process import Product


@implements(proc=Product, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyProductFixed(PyLoihiProcessModel):
    """Integers."""

    left: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    right: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.shift, self.limit = proc_params["shift"], Widths().limit("product")

    def run_spk(self) -> None:
        y = self.left.recv().astype(np.int64) * self.right.recv()
        if (abs(y) > self.limit).any():
            legal = f"{-self.limit}..{self.limit}"
            raise OutOfRange(explain("Product", y[abs(y) > self.limit][0], legal, "prove the Program before it runs"))
        self.s_out.send(y >> self.shift)


@implements(proc=Product, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyProductFloat(PyLoihiProcessModel):
    """Floating point."""

    left: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    right: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.scale = 2.0 ** -proc_params["shift"]

    def run_spk(self) -> None:
        self.s_out.send(self.left.recv() * self.right.recv() * self.scale)


@implements(proc=Product, protocol=LoihiProtocol)
class StockProduct(AbstractSubProcessModel):
    """Product from ProdNeuron."""

    def __init__(self, proc: Product) -> None:
        self.neuron = ProdNeuron(shape=proc.proc_params["shape"], vth=0, exp=proc.proc_params["shift"])
        proc.in_ports.left.connect(self.neuron.a_in1)
        proc.in_ports.right.connect(self.neuron.a_in2)
        self.neuron.s_out.connect(proc.out_ports.s_out)
