"""Networks that snnTorch, norse and sinabs wrote as NIR, and what each of them simulates for held inputs.

Run in an environment of the peer's own, for example

    python3.10 -m venv peer && peer/bin/pip install snntorch nir nirtorch "torch==2.3.1" "numpy<2"
    peer/bin/python tests/support/peers/write_nir.py snntorch tests/fixtures/nir

Each case becomes `<peer>-<case>.nir` and `<peer>-<case>.npz` with `inputs (samples, in)`, held over the window, and
`spikes (samples, steps, out)` of the last layer.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

SAMPLES, STEPS, SIZES = 6, 40, (3, 6, 4)
Case = tuple[Any, np.ndarray]


def layers(neuron: Callable[[int], nn.Module], drive: float) -> list[nn.Module]:
    """Linear layers from a fixed seed, `drive` times their usual weights, each with neurons behind it."""
    torch.manual_seed(7)
    made: list[nn.Module] = []
    for i, (size, width) in enumerate(pairwise(SIZES)):
        linear = nn.Linear(size, width)
        linear.weight.data *= drive
        made += [linear, neuron(i)]
    return made


def inputs() -> torch.Tensor:
    return torch.rand(SAMPLES, SIZES[0], generator=torch.Generator().manual_seed(3)) * 2 - 0.5


def snntorch_cases() -> dict[str, Case]:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    def case(neuron: Callable[..., nn.Module], drive: float, threshold: float = 1.0, **settings: Any) -> Case:
        def made(i: int) -> nn.Module:
            # One number a neuron: the package nir refuses what snnTorch writes for a number that all share.
            numbers = {"threshold": threshold, **settings}
            each = {k: torch.full((SIZES[i + 1],), v) if isinstance(v, float) else v for k, v in numbers.items()}
            return neuron(init_hidden=True, output=i == 1, **each)

        net = nn.Sequential(*layers(made, drive))
        rows = []
        with torch.no_grad():
            for _ in range(STEPS):
                rows.append(net(inputs())[0])
        written = export_to_nir(net, torch.zeros(1, SIZES[0]), ignore_dims=[0])
        return written, torch.stack(rows, dim=1).numpy()

    synaptic = {"alpha": 0.7, "beta": 0.8, "threshold": 1.5, "reset_mechanism": "zero"}
    subtract = {"beta": 0.9, "reset_mechanism": "subtract"}
    return {
        "leaky-zero": case(snn.Leaky, 2.0, beta=0.9, reset_mechanism="zero"),
        "leaky-subtract": case(snn.Leaky, 1.0, reset_delay=False, **subtract),
        "leaky-subtract-loud": case(snn.Leaky, 3.0, reset_delay=False, **subtract),
        "leaky-subtract-delayed": case(snn.Leaky, 1.0, reset_delay=True, **subtract),
        "synaptic-zero": case(snn.Synaptic, 1.0, reset_delay=False, **synaptic),
        "synaptic-zero-delayed": case(snn.Synaptic, 1.0, reset_delay=True, **synaptic),
    }


def norse_cases() -> dict[str, Case]:
    import norse.torch as norse

    def case(neuron: Callable[[Any], nn.Module], parameters: Any, drive: float) -> Case:
        net = norse.SequentialState(*layers(lambda _: neuron(parameters), drive))
        rows, state = [], None
        with torch.no_grad():
            for _ in range(STEPS):
                spikes, state = net(inputs(), state)
                rows.append(spikes)
        return norse.to_nir(net, torch.zeros(1, SIZES[0])), torch.stack(rows, dim=1).numpy()

    lif = norse.LIFBoxParameters(tau_mem_inv=torch.as_tensor(100.0), v_th=torch.as_tensor(0.4))
    cuba = norse.LIFParameters(tau_mem_inv=torch.as_tensor(100.0), v_th=torch.as_tensor(0.4))
    return {
        "lifbox": case(norse.LIFBoxCell, lif, 8.0),
        "iaf": case(norse.IAFCell, norse.IAFParameters(v_th=torch.as_tensor(1.3)), 1.0),
        "lif": case(norse.LIFCell, cuba, 1.0),
    }


def sinabs_cases() -> dict[str, Case]:
    import sinabs.layers as sl
    from sinabs.activation import MembraneReset, MultiSpike, SingleSpike
    from sinabs.nir import to_nir

    def case(neuron: Callable[..., nn.Module], drive: float, spike: Any, **settings: Any) -> Case:
        net = nn.Sequential(*layers(lambda _: neuron(spike_fn=spike, record_states=False, **settings), drive))
        held = inputs()[:, None].expand(-1, STEPS, -1).contiguous()
        with torch.no_grad():
            spikes = net(held)
        return to_nir(net, held[:1, :1]), spikes.numpy()

    return {
        "iaf": case(sl.IAF, 1.0, SingleSpike, spike_threshold=1.3),
        "iaf-many": case(sl.IAF, 3.0, MultiSpike),
        "lif": case(sl.LIF, 20.0, SingleSpike, tau_mem=10.0),
        "lif-zero": case(sl.LIF, 20.0, SingleSpike, tau_mem=10.0, reset_fn=MembraneReset()),
        "lif-unnormalised": case(sl.LIF, 1.0, SingleSpike, tau_mem=10.0, norm_input=False),
    }


CASES = {"snntorch": snntorch_cases, "norse": norse_cases, "sinabs": sinabs_cases}


def main(peer: str, folder: str) -> None:
    for name, (graph, spikes) in CASES[peer]().items():
        path = Path(folder) / f"{peer}-{name}"
        # norse writes scalars, which HDF5 cannot compress; sinabs pins an older nir, which does not.
        plainly = {"compression": None} if "compression" in inspect.signature(nir.write).parameters else {}
        nir.write(path.with_suffix(".nir"), graph, **plainly)
        np.savez_compressed(path.with_suffix(".npz"), inputs=inputs().numpy(), spikes=spikes.astype(np.uint8))
        print(name, "spikes", int(spikes.sum()), "nodes", {k: type(v).__name__ for k, v in graph.nodes.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
