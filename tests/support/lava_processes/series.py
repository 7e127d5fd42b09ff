"""A source of any series: Lava executes all files beside a process, so this one has a folder with few of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Series(AbstractProcess):
    """Sends row `n - 1` of `rows` at chip step `n`."""

    def __init__(self, *, rows: np.ndarray) -> None:
        super().__init__(rows=rows)
        self.s_out = OutPort(shape=rows.shape[1:])


@implements(proc=Series, protocol=LoihiProtocol)
@requires(CPU)
class PySeries(PyLoihiProcessModel):
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.rows = proc_params["rows"]

    def run_spk(self) -> None:
        self.s_out.send(self.rows[self.time_step - 1])
