"""A small job for a Lava worker."""

from __future__ import annotations

import numpy as np

from neurokit.compilers.lava.forms import FORMS
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate
from neurokit.targets.lava.job import Job


def make_job(form: str = "softif") -> Job:
    nodes = (
        Input("x", [-9, -9], [9, 9], 1.0),
        Dense("d", "x", [[5, 3], [-4, 7]], [300, -5]),
        Spiking("s", "d", IF(199)),
        Dense("o", "s", [[3, -2]], [0]),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    return Job(Program(nodes, 6), {"x": np.array([[9, 9], [-9, 3], [0, 0]])}, FORMS[form], record=False)
