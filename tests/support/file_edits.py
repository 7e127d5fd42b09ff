"""Ways to spoil a Program's file through h5py, and a small Program to spoil."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import h5py
import numpy as np

from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean


def small() -> Program:
    program = Program(
        (
            Input("x", [-3, 0], [3, 5], 0.5),
            Dense("hidden", "x", [[1, -2], [3, 4], [0, 5]], [1, 0, -1], exponent=1),
            Spiking("fire", "hidden", IF(6)),
            Dense("last", "fire", [[1, 2, -3]], [0], exponent=-1),
            Readout("sum", "last", MemMean(), shift=1, offset=[2]),
            Output("y", "sum", scale=0.25, offset=-1.0),
        ),
        steps=5,
        provenance={"made": "by hand, für Tests\n"},
    )
    return replace(program, certificate=prove(program))


Edit = Callable[[h5py.File], None]


def attribute(where: str, name: str, value: object) -> Edit:
    def edit(file: h5py.File) -> None:
        if name in file[where].attrs:
            del file[where].attrs[name]
        file[where].attrs[name] = value

    return edit


def dataset(where: str, **arguments: object) -> Edit:
    def edit(file: h5py.File) -> None:
        del file[where]
        file.create_dataset(where, **arguments)

    return edit


def text(value: str) -> np.bytes_:
    return np.bytes_(value.encode())
