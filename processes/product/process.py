"""Product: two graded spikes multiplied."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.ir.fixed_point import PRODUCT_SHIFTS, require_in


class Product(AbstractProcess):
    """Sends `floor(left * right / 2**shift)` in every step, line by line; without memory.

    shape  of the lines, `(n,)`
    shift  0..31

    In integers the products must fit 32 bits, which the caller proves. The leaf model in fixed point raises OutOfRange
    where one does not; the one in floating point has no floor: `left * right / 2**shift`. The SubProcessModel is Lava's
    ProdNeuron, which has a Loihi 2 model too; it wraps at 32 bits and says nothing, and its threshold, by default 1,
    is 0 here, so that products of 1 and -1 are sent.

    Raises OutOfRange for another shift.
    """

    def __init__(self, *, shape: tuple[int, ...], shift: int = 0) -> None:
        require_in("Product: shift", shift, PRODUCT_SHIFTS, "shift its factors")
        super().__init__(shape=shape, shift=shift)
        self.left = InPort(shape=shape)
        self.right = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
