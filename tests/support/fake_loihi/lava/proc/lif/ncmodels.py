"""Models of Lava's own processes for the chip: here, the fixed-point ones under another mark.

After a spike `v` holds the refractory counter, as a chip's public trace shows: 128, until the next step begins at 0.
"""

import numpy as np
from lava.magma.core.model.nc.model import AbstractNcProcessModel
from lava.magma.core.resources import Loihi2NeuroCore
from lava.proc.lif.models import PyLifModelBitAcc, PyLifResetModelBitAcc


class _Refractory:
    counting = None

    def run_spk(self) -> None:
        if self.counting is not None:
            self.v[self.counting] = 0
        super().run_spk()

    def reset_voltage(self, spike_vector) -> None:
        self.counting = np.array(spike_vector, dtype=bool)
        self.v[self.counting] = 128


class NcLifModelBitAcc(_Refractory, PyLifModelBitAcc, AbstractNcProcessModel):
    required_resources = [Loihi2NeuroCore]  # noqa: RUF012


class NcLifResetModelBitAcc(_Refractory, PyLifResetModelBitAcc, AbstractNcProcessModel):
    required_resources = [Loihi2NeuroCore]  # noqa: RUF012
