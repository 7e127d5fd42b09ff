"""Adapters for spikes."""

import os

import numpy as np
from lava.magma.compiler.subcompilers.py import pyproc_compiler
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.c.model import CLoihiProcessModel
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import LMT
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

# There is no chip behind this: what is marked for it is compiled for Python like everything else.
pyproc_compiler.AbstractNcProcessModel = type("NothingIsOnAChip", (), {})


def border() -> list[int]:
    """Steps that inputs, outputs and states take."""
    return [int(steps) for steps in os.environ["FAKE_BORDER"].split(",")]


def note(text: str) -> None:
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as log:
        log.write(text + "\n")


class _Adapter(AbstractProcess):
    def __init__(self, *, shape: tuple[int, ...], num_message_bits: int = 0) -> None:
        super().__init__(shape=shape, num_message_bits=num_message_bits)
        note(f"{type(self).__name__} {shape} {num_message_bits}")
        self.inp = InPort(shape=shape)
        self.out = OutPort(shape=shape)


class PyToNxAdapter(_Adapter):
    pass


class NxToPyAdapter(_Adapter):
    pass


class _Late(PyLoihiProcessModel, CLoihiProcessModel):
    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    which = 0

    def __init__(self, proc_params) -> None:
        super().__init__(proc_params)
        self.binary = not proc_params["num_message_bits"]
        self.under_way = [np.zeros(proc_params["shape"], dtype=np.int32)] * border()[self.which]

    def run_spk(self) -> None:
        x = self.inp.recv().astype(np.int32)
        self.under_way.append((x != 0).astype(np.int32) if self.binary else self.payload(x))
        self.out.send(self.under_way.pop(0))

    def payload(self, x: np.ndarray) -> np.ndarray:
        return x


@implements(proc=PyToNxAdapter, protocol=LoihiProtocol)
@requires(LMT)
class CPyToNx(_Late):
    which = 0


@implements(proc=NxToPyAdapter, protocol=LoihiProtocol)
@requires(LMT)
class CNxToPy(_Late):
    which = 1

    def payload(self, x: np.ndarray) -> np.ndarray:
        return x & 0xFFFFFF
