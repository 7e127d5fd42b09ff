"""Source, Recorder and Probe: recorded arrays in and out of a running network. Simulator only.

On a chip their places are taken by the input and output adapters of Intel's extension and by its state probes.
"""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.ring_buffers import RingBuffer
from neurokit.compilers.lava.timing import Cycle


class Source(AbstractProcess):
    """Says at every step of window `w` of its cycle what its buffers hold for `w`, one after the other, `(n,)`
    integers.

    The buffers have one frame a window, which the host may write anew between two steps. Sent as graded spikes; silent
    outside windows. Simulator only.
    """

    def __init__(self, *, shape: tuple[int, ...], buffers: tuple[RingBuffer, ...], cycle: Cycle) -> None:
        super().__init__(shape=shape, buffers=buffers, cycle=cycle)
        self.s_out = OutPort(shape=shape)


class Recorder(AbstractProcess):
    """Writes what arrives at local time `t` of window `w` into its buffer, at `[w % frames, t]`.

    What arrives outside windows is dropped, and so are the lines before `first` and those for which the buffer has no
    room. Simulator only.
    """

    def __init__(self, *, shape: tuple[int, ...], buffer: RingBuffer, cycle: Cycle, first: int = 0) -> None:
        super().__init__(shape=shape, buffer=buffer, cycle=cycle, first=first)
        self.a_in = InPort(shape=shape)


class Probe(AbstractProcess):
    """Writes the value that a Var of another process has after local time `t` of window `w` into its buffer.

    At `[w % frames, t]`. Connect with `probe.state.connect_var(process.u)`. Costs a round trip in every step of a
    window. Simulator only.
    """

    def __init__(self, *, shape: tuple[int, ...], buffer: RingBuffer, cycle: Cycle) -> None:
        super().__init__(shape=shape, buffer=buffer, cycle=cycle)
        self.state = RefPort(shape=shape)
