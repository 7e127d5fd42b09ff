"""The adapter for states."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.c.model import CLoihiProcessModel
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import LMT
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.embedded_io.spike import border, note


class Read(AbstractProcess):
    def __init__(self, *, shape: tuple[int, ...], interval: int, offset: int) -> None:
        super().__init__(shape=shape, interval=interval, offset=offset)
        note(f"Read {shape} {interval} {offset}")
        self.state = RefPort(shape=shape)
        self.out = OutPort(shape=shape)

    def connect_var(self, var) -> None:
        self.state.connect_var(var)


@implements(proc=Read, protocol=LoihiProtocol)
@requires(LMT)
class CRead(PyLoihiProcessModel, CLoihiProcessModel):
    """Reads in the management phase, so the earliest step in which it can send is the next one."""

    state: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32, precision=24)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params) -> None:
        super().__init__(proc_params)
        assert border()[2] >= 1
        self.under_way = [np.zeros(proc_params["shape"], dtype=np.int32)] * border()[2]

    def post_guard(self) -> bool:
        return True

    def run_post_mgmt(self) -> None:
        self.under_way.append(self.state.read().astype(np.int32))

    def run_spk(self) -> None:
        self.out.send(self.under_way.pop(0))
