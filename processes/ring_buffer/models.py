"""The models of Source, Recorder and Probe."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.processes.ring_buffer.process import Probe, Recorder, Source


@implements(proc=Source, protocol=LoihiProtocol)
@requires(CPU)
class PyPlayer(PyLoihiProcessModel):
    """One frame a window."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cycle = proc_params["cycle"]
        self.reels = [buffer.open() for buffer in proc_params["buffers"]]
        self.silence = np.zeros(proc_params["shape"], dtype=np.int32)

    def run_spk(self) -> None:
        if self.cycle.covers(self.time_step):
            window, _ = self.cycle.local(self.time_step)
            self.s_out.send(np.concatenate([frames[window % len(frames), 0] for frames in self.reels]))
        else:
            self.s_out.send(self.silence)


@implements(proc=Recorder, protocol=LoihiProtocol)
@requires(CPU)
class PyRecorder(PyLoihiProcessModel):
    """One frame a step of a window."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cycle = proc_params["cycle"]
        self.frames = proc_params["buffer"].open(writable=True)

        self.lines = slice(proc_params["first"], proc_params["first"] + self.frames.shape[2])

    def run_spk(self) -> None:
        a = self.a_in.recv()
        if self.cycle.covers(self.time_step):
            window, t = self.cycle.local(self.time_step)
            self.frames[window % len(self.frames), t] = a[self.lines]


@implements(proc=Probe, protocol=LoihiProtocol)
@requires(CPU)
class PyProbe(PyLoihiProcessModel):
    """Reads in the management phase, when the step's spikes are out."""

    state: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.cycle = proc_params["cycle"]
        self.frames = proc_params["buffer"].open(writable=True)

    def post_guard(self) -> bool:
        return bool(self.cycle.covers(self.time_step))

    def run_post_mgmt(self) -> None:
        window, t = self.cycle.local(self.time_step)
        self.frames[window % len(self.frames), t] = self.state.read()
