"""Constant: what a bias is made of."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.bias_digits import MAX_DIGITS
from neurokit.compilers.lava.timing import Cycle

#: Steps that the stock form needs before its first spike.
LEAD = 2


class Constant(AbstractProcess):
    """Sends the graded spikes `1, 128, 16384` (the first `digits` of them) at every step of every window.

    Silent between windows. The input coder of a bias, which synapses make of these lines. Leaf models in fixed and
    floating point (simulator) and a SubProcessModel of stock processes only, which also have Loihi 2 models; all emit
    the same in the same steps. The cycle may not start before chip step `LEAD + 1`.
    """

    def __init__(self, *, digits: int, cycle: Cycle) -> None:
        assert 1 <= digits <= MAX_DIGITS
        assert cycle.start > LEAD
        super().__init__(digits=digits, cycle=cycle)
        self.s_out = OutPort(shape=(digits,))
