"""The models of Network: one leaf for all of it, and one made of stock processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neurokit.compilers.lava.stepper import Stepper
from neurokit.ir.program import Program
from neurokit.processes.network.process import Network
from neurokit.processes.network.to_lava import inner_network


@implements(proc=Network, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyNetwork(PyLoihiProcessModel):
    """The fused form: a Stepper."""

    x: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=24)
    y: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        program, plan, buffers = (proc_params[key] for key in ("program", "plan", "buffers"))
        self.batch = proc_params["batch"]
        self.buffers, self.swaps = buffers, 0
        self.reels: dict[str, dict[str, np.ndarray]] = {}
        if buffers is not None:
            self.version = buffers.swaps.open()
            self.reels = {
                kind: {name: buffer.open(writable=True) for name, buffer in getattr(buffers, kind).items()}
                for kind in ("spikes", "states", "totals")
            }
            for node in program.outputs:  # which leave through y
                self.reels["totals"].pop(node.source, None)
        probed = frozenset(name for group in self.reels.values() for name in group)
        self.stepper = Stepper(program, plan, self.batch, self.write, probed)
        sizes = [self.batch * program.ports[node.name].size for node in program.inputs]
        self.ends = np.cumsum(sizes)
        self.received = self.parted(np.zeros(sum(sizes), dtype=np.int32))
        self.outputs = [(node.name, self.stepper.exit(node)) for node in program.outputs]
        self.said = {node.name: np.zeros((self.batch, program.ports[node.name].size)) for node in program.outputs}

    def parted(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The lines of every Input, `(batch, size)`."""
        parts = np.split(x, self.ends[:-1])
        return {
            node.name: part.reshape(self.batch, -1)
            for node, part in zip(self.proc_params["program"].inputs, parts, strict=True)
        }

    def write(self, kind: str, name: str, window: int, t: int, values: np.ndarray) -> None:
        frames = self.reels[kind][name]
        frames[window % len(frames), t] = values.ravel()

    def run_spk(self) -> None:
        if self.buffers is not None and self.version[0, 0, 0] != self.swaps:
            self.swaps = int(self.version[0, 0, 0])
            self.stepper.swap(Program.load(self.buffers.program_file(self.swaps)))
        said = self.stepper.step(self.time_step, self.received)
        # A synapse lies between the network and each of its ends.
        self.y.send(np.concatenate([self.said[name].ravel() for name, _ in self.outputs]).astype(np.int32))
        self.said = {name: said[name] for name, _ in self.outputs}
        self.received = self.parted(self.x.recv())


@implements(proc=Network, protocol=LoihiProtocol)
class StockNetwork(AbstractSubProcessModel):
    """Network from stock processes: those of `compilers.to_lava`, for a Program with `batch` copies of everything.

    `entry` brings every Input its lines and, from a Constant, those of a bias that rides with it, to a relay; `exit` is
    a relay that brings the outputs together. Both are a synapse away.
    """

    def __init__(self, proc: Network) -> None:
        program, batch, plan = (proc.proc_params[key] for key in ("program", "batch", "plan"))
        for i, process in enumerate(inner_network(program, batch, plan, proc.in_ports.x, proc.out_ports.y)):
            setattr(self, f"process{i}", process)  # Lava finds the inner processes among the attributes of the model
