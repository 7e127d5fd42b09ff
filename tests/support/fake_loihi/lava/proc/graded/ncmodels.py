"""Models of Lava's own processes for the chip: here, the fixed-point ones under another mark."""

from lava.magma.core.model.nc.model import AbstractNcProcessModel
from lava.magma.core.resources import Loihi2NeuroCore
from lava.proc.graded.models import PyGradedVecModelFixed


class NcGradedVecModelFixed(PyGradedVecModelFixed, AbstractNcProcessModel):
    required_resources = [Loihi2NeuroCore]  # noqa: RUF012
