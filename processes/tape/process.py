"""Player, Recorder and Probe: recorded arrays in and out of a running network. Simulator only.

On a chip their places are taken by the input and output adapters of Intel's extension and by its state probes.
"""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.lava.cycle import Cycle
from neurokit.lava.tape import Tape


class Player(AbstractProcess):
    """Sends frame `k` of its tape, `(n,)` integers, as graded spikes at every step of window `k` of its cycle.

    Silent outside windows. Simulator only.
    """

    def __init__(self, *, shape: tuple[int, ...], tape: Tape, cycle: Cycle) -> None:
        super().__init__(shape=shape, tape=tape, cycle=cycle)
        self.s_out = OutPort(shape=shape)


class Recorder(AbstractProcess):
    """Writes what arrives at local time `t` of window `k` into its tape, at `[k, t]`; what arrives outside is dropped.

    Simulator only.
    """

    def __init__(self, *, shape: tuple[int, ...], tape: Tape, cycle: Cycle) -> None:
        super().__init__(shape=shape, tape=tape, cycle=cycle)
        self.a_in = InPort(shape=shape)


class Probe(AbstractProcess):
    """Writes the value that a Var of another process has after local time `t` of window `k` into its tape, at `[k, t]`.

    Connect with `probe.state.connect_var(process.u)`. Costs a round trip in every step of a window. Simulator only.
    """

    def __init__(self, *, shape: tuple[int, ...], tape: Tape, cycle: Cycle) -> None:
        super().__init__(shape=shape, tape=tape, cycle=cycle)
        self.state = RefPort(shape=shape)
