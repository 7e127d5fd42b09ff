"""PlasticSynapses: dense synapses that learn by themselves, from orders of a few integers."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.ring_buffers import RingBuffer
from neurokit.compilers.lava.timing import Cycle
from neurokit.learning.plastic_layer import PlasticLayer


class PlasticSynapses(AbstractProcess):
    """The synapses of a layer, its bias and its readout's offset, which move by the Orders of a host.

    At local time `t` of a window it receives `s_in` and, if tangents are carried, `ds_in`; `lag` steps later it says

        a_out   floor((w @ s + b) * 2**exponent), plus the offset o at the last step of the window
        da_out  w @ ds + floor((dw @ s + db) * 2**f), plus do * 2**h at the last step

    With the first step of a window an Order is read (see `neurokit.learning.plastic_layer`): w, b and o move by an
    update, once, or are perturbed for the time of the window, or have the tangents dw, db and do for its time.
    Directions and rounding noise come from counters, so no weight and no direction is sent to the process. Silent
    outside windows.

    layer   what it holds
    lines   of what it receives: those of the source, and behind them bias lines of an Input, which it ignores
    cycle   when its source emits
    lag     steps from there to its own first word, at least 1
    orders  the buffer on which the host writes
    copy    the buffer on which it leaves its integers whenever they have moved, behind the number of its updates

    A leaf model alone, simulator only: on a chip this is what an embedded processor does, which rewrites the weights of
    the synapses beside it.
    """

    def __init__(
        self, *, layer: PlasticLayer, lines: int, cycle: Cycle, lag: int, orders: RingBuffer, copy: RingBuffer
    ) -> None:
        assert lag >= 1
        super().__init__(layer=layer, lines=lines, cycle=cycle, lag=lag, orders=orders, copy=copy)
        size = layer.node.shape[0]
        self.s_in = InPort(shape=(lines,))
        self.ds_in = InPort(shape=(lines,))
        self.a_out = OutPort(shape=(size,))
        self.da_out = OutPort(shape=(size,))
