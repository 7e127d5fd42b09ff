"""Processes that only tests need: one that plays any series of currents, and one that misbehaves on demand."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Series(AbstractProcess):
    """Sends row `n - 1` of `rows` at chip step `n`, and zeros after the last."""

    def __init__(self, *, rows: np.ndarray) -> None:
        super().__init__(rows=rows)
        self.s_out = OutPort(shape=rows.shape[1:])


class _SeriesLeaf(PyLoihiProcessModel):
    s_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.rows = proc_params["rows"]

    def run_spk(self) -> None:
        rest = np.zeros_like(self.rows[0])
        self.s_out.send(self.rows[self.time_step - 1] if self.time_step <= len(self.rows) else rest)


@implements(proc=Series, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySeriesFixed(_SeriesLeaf):
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)


@implements(proc=Series, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySeriesFloat(_SeriesLeaf):
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)


class Misfit(AbstractProcess):
    """Passes spikes on until chip step `step`, where it commits `fault`."""

    def __init__(self, *, shape: tuple[int, ...], fault: str, step: int) -> None:
        super().__init__(shape=shape, fault=fault, step=step)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)


class Unpicklable(ValueError):
    """What no queue of multiprocessing can carry."""

    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


@implements(proc=Misfit, protocol=LoihiProtocol)
@requires(CPU)
class PyMisfit(PyLoihiProcessModel):
    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.fault, self.step = proc_params["fault"], proc_params["step"]
        if self.fault == "init":
            raise ValueError("misfit on purpose: init")
        if self.fault == "init unpicklable":
            raise Unpicklable("misfit on purpose: init unpicklable")
        if self.fault == "init killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "init exit":
            os._exit(3)

    def run_spk(self) -> None:
        a = self.a_in.recv()
        now = self.time_step == self.step
        if now and self.fault == "before":
            raise ValueError("misfit on purpose: before")
        if now and self.fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if now and self.fault == "sleeps":
            time.sleep(1e6)
        self.s_out.send(a)
        if now and self.fault == "after":
            raise ValueError("misfit on purpose: after")
