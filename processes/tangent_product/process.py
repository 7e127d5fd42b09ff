"""TangentProduct: how a product of two totals changes along a direction."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess


class TangentProduct(AbstractProcess):
    """The product rule: `dy_out = floor(dl_in * r_in / 2**cuts[0]) + floor(l_in * dr_in / 2**cuts[1])`, at every step.

    Memoryless. A leaf model alone: its products have up to 48 bits, where those of Lava's ProdNeuron wrap at 32.
    """

    def __init__(self, *, shape: tuple[int, ...], cuts: tuple[int, int]) -> None:
        super().__init__(shape=shape, cuts=cuts)
        self.l_in = InPort(shape=shape)
        self.r_in = InPort(shape=shape)
        self.dl_in = InPort(shape=shape)
        self.dr_in = InPort(shape=shape)
        self.dy_out = OutPort(shape=shape)
