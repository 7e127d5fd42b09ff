"""PlasticLavaNetwork: what networks that learn on Lava have in common, whatever moves their weights."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Int32, Int64

from neurokit.compilers.lava.forms import Form, FusedForm, SoftIFForm
from neurokit.compilers.lava.ring_buffers import RingBuffers
from neurokit.errors import GraphError, explain
from neurokit.ir.program import Program
from neurokit.learning.directions import Directions
from neurokit.learning.integer_optimizer import IntegerOptimizer
from neurokit.learning.plastic_layer import Mode
from neurokit.learning.tangent_program import TangentProgram
from neurokit.processes.network.to_lava import Net, Wiring
from neurokit.simulator.plastic_weights import Plastic
from neurokit.system.termination import hold
from neurokit.targets.lava.network import LavaNetwork

N = TypeVar("N", bound=Net)


class PlasticLavaNetwork(LavaNetwork, Generic[N]):
    """A LavaNetwork whose `tensors` its host perturbs and moves by a few integers. For `LavaEvaluator`.

    tensors     what learns
    directions  of the rule
    optimizer     by which integers move
    form        of the layers that do not learn: `StockForm()`, or `SoftIFForm()`, the default, with fewer processes
    tangents    of the Program, if slopes are to be asked for
    """

    def __init__(
        self,
        program: Program,
        tensors: tuple[Plastic, ...],
        directions: Directions,
        optimizer: IntegerOptimizer,
        *,
        form: Form | None = None,
        tangents: TangentProgram | None = None,
        deadline_s: float = 600.0,
    ) -> None:
        form = SoftIFForm() if form is None else form
        if isinstance(form, FusedForm):
            raise GraphError(explain(f"{type(self).__name__}: form", form, "StockForm() or SoftIFForm()", "choose one"))
        super().__init__(program, form, deadline_s=deadline_s)
        self.tensors, self.directions, self.optimizer, self.tangents = tensors, directions, optimizer, tangents
        self._net: N | None = None

    def start(self) -> RingBuffers:
        where = self._directory = Path(tempfile.mkdtemp(prefix="neurokit-lava-"))
        hold(where)
        buffers = self.layout.buffers(where)
        buffers.blank()
        for node in self.program.inputs:  # windows without a sample present what is legal too
            buffers.inputs[node.name].open(writable=True)[:, :, : node.low.size] = np.clip(0, node.low, node.high)
        self._net = self.wired(where, buffers)
        self._net.wire_all()
        self._wiring = Wiring(self.layout, buffers, self._net.labels, self._net.synapses, self._net.doubles)
        self._start()
        return buffers

    def stop(self) -> None:
        super().stop()
        self._net = None

    def wired(self, where: Path, buffers: RingBuffers) -> N:
        """The network before it grows; buffers of its own lie in `where`."""
        raise NotImplementedError

    def order(self, mode: Mode, step: int, direction: int, amplitude: Mapping[str, int]) -> None:
        """What the samples of the next run are to meet, until another order: weights `amplitude` units along a
        direction of `step`, by tensor; or, with Mode.TANGENT, tangents of the tensors with an amplitude of 1."""
        raise NotImplementedError

    def update(self, step: int, q: Mapping[str, Int64[np.ndarray, " K"]]) -> None:
        """Move, for good, as `IntegerOptimizer.apply` does for the total of `q[k]` times direction k of `step`."""
        raise NotImplementedError

    def learned(self) -> dict[str, Int32[np.ndarray, "..."]]:
        """The integers of all tensors after the last update. For comparisons: nothing in learning needs them."""
        raise NotImplementedError

    def slopes(
        self, values: Mapping[str, Int64[np.ndarray, "samples size"]]
    ) -> tuple[dict[str, Int64[np.ndarray, "samples size"]], dict[str, Int64[np.ndarray, "samples size"]]]:
        """Raw outputs by Output name, as `run`, and their raw tangents along the direction that was ordered."""
        raise NotImplementedError

    def _growing(self) -> N:
        if self._net is None:
            raise GraphError(f"this {type(self).__name__} is not running: enter it with `with`.")
        return self._net
