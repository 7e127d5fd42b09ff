"""What snnTorch or norse makes of neurokit's NIR files; see offer_nir.py. Prints spikes that differ, file by file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch


def load(peer: str, graph: Any) -> Any:
    if peer == "snntorch":
        from snntorch.import_nir import import_from_nir

        return import_from_nir(graph)
    import norse.torch as norse

    return norse.from_nir(graph)


def main(peer: str, folder: str) -> None:
    for path in sorted(Path(folder).glob(f"{peer}-*.nir")):
        recorded = np.load(path.with_suffix(".npz"))
        inputs, expected = torch.from_numpy(recorded["inputs"]), recorded["spikes"]
        try:
            network, rows, state = load(peer, nir.read(path)), [], None
            with torch.no_grad():
                for _ in range(expected.shape[1]):
                    spikes, state = network(inputs, state)
                    rows.append(spikes)
            got = torch.stack(rows, dim=1).numpy()
            print(f"{path.stem}: {int(expected.sum())} spikes, {int((got != expected).sum())} of {got.size} differ")
        except Exception as error:  # what a peer cannot read is a result, too
            print(f"{path.stem}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
