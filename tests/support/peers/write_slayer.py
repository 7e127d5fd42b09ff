"""Networks of lava-dl's slayer as netx files, and what slayer simulates for held inputs.

python tests/support/peers/write_slayer.py tests/fixtures/netx       where lava-dl is installed

Each case becomes `<case>.net` and `<case>.npz` with `inputs (samples, in)`, and `spikes (samples, steps, out)` of the
last layer without the step that each block adds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import torch
from lava.lib.dl import slayer

SAMPLES, STEPS = 6, 40
CASES = {
    "integrator": {"threshold": 1.25, "current_decay": 1.0, "voltage_decay": 0.0},
    "leaky": {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1},
    "current-based": {"threshold": 1.5, "current_decay": 0.25, "voltage_decay": 0.03},
}


def write(case: str, recurrent: bool, folder: Path, delays: Sequence[int] = ()) -> None:
    """`delays` are the steps that all spikes of each block are late, beyond the step of every block."""
    torch.manual_seed(5)
    params = CASES[case]
    second = slayer.block.cuba.Recurrent if recurrent else slayer.block.cuba.Dense
    blocks = [slayer.block.cuba.Dense(params, 5, 8), second(params, 8, 8), slayer.block.cuba.Dense(params, 8, 4)]
    for block, delay in zip(blocks, delays, strict=False):
        block.delay = slayer.axon.Delay()
        block.delay.delay.data = torch.full((block.synapse.out_channels,), float(delay))
        block.delay.init = True  # else its first pass draws them
    inputs = torch.randint(0, 2, (SAMPLES, 5), generator=torch.Generator().manual_seed(1)).float()
    # Each of the blocks answers a step late, for the synapses in front of it.
    x = inputs[:, :, None].expand(-1, -1, STEPS + len(blocks))
    with torch.no_grad():
        for block in blocks:
            for weight in (p for name, p in block.named_parameters() if "synapse" in name and p.ndim > 1):
                weight += 0.3 * weight.abs() + 0.05  # louder, so that all layers fire
            x = block(x)
    path = folder / f"{case}{'-recurrent' * recurrent}{'-delayed' * bool(delays)}"
    with h5py.File(path.with_suffix(".net"), "w") as file:
        for i, block in enumerate(blocks):
            block.export_hdf5(file.create_group(f"layer/{i}"))
    spikes = x[:, :, len(blocks) :].permute(0, 2, 1).numpy().astype(np.uint8)
    np.savez_compressed(path.with_suffix(".npz"), inputs=inputs.numpy().astype(np.int8), spikes=spikes)
    print(path.name, int(spikes.sum()), "spikes")


if __name__ == "__main__":
    for name in CASES:
        write(name, False, Path(sys.argv[1]))
    write("current-based", True, Path(sys.argv[1]))
    write("leaky", False, Path(sys.argv[1]), delays=(2, 0, 3))
