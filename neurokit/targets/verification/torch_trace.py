"""recorded: the answers and the spikes of a torch network, in the form that every target gives."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch

from neurokit.data.data import Domain
from neurokit.gradients.local_loss import LocalReadouts
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult, Trace
from neurokit.ir.signals import per_column
from neurokit.networks.mlp import MLP
from neurokit.networks.operator_network import OperatorNetwork
from neurokit.networks.parts import parts, stacks
from neurokit.networks.units import dtype_of_inputs

Network = MLP | OperatorNetwork | LocalReadouts


def run(model: Network, inputs: Mapping[str, np.ndarray]) -> RunResult:
    """Run a network on samples by the names of a Graph's inputs; the Trace holds spikes under a Graph's names."""
    started = time.perf_counter()
    if isinstance(model, LocalReadouts):
        assert isinstance(model.network, MLP | OperatorNetwork), "LocalReadouts takes no others"
        return run(model.network, inputs)
    tensors = tuple(torch.tensor(x, dtype=dtype_of_inputs(model)) for x in inputs.values())
    with torch.no_grad():
        answer = model(*tensors).double().cpu().numpy()
        trains = [
            (f"{prefix}{i}.spikes", train.to(torch.uint8).cpu().numpy())
            for prefix, part, x in parts(model, tensors)
            for i, train in enumerate(part.spikes(x))
        ]
    outputs = {"u" if isinstance(model, OperatorNetwork) else "y": answer}
    return RunResult(
        target="model",
        outputs=outputs,
        raw=outputs,
        trace=Trace(spikes=dict(trains), states={}, totals={}),
        steps=next(iter(stacks(model).values())).steps,
        seconds=time.perf_counter() - started,
    )


def domain(program: Program) -> Domain:
    """The ranges of a Program's inputs, in real numbers, column by column."""
    return {
        node.name: (per_column(node.decode(node.low)), per_column(node.decode(node.high))) for node in program.inputs
    }
