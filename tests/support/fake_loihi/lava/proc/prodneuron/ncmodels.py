"""Models of Lava's own processes for the chip: here, the fixed-point ones under another mark; or none, if asked."""

import os

from lava.magma.core.model.nc.model import AbstractNcProcessModel
from lava.magma.core.resources import Loihi2NeuroCore
from lava.proc.prodneuron.models import PyProdNeuronModelFixed

_Mark = type("NoMark", (), {}) if os.environ.get("FAKE_WITHOUT") == "ProdNeuron" else AbstractNcProcessModel


class NcProdNeuronModelFixed(PyProdNeuronModelFixed, _Mark):
    required_resources = [Loihi2NeuroCore]  # noqa: RUF012
