"""The profiler that `lava.utils.profiler` finds."""

import numpy as np
from lava.proc.embedded_io.spike import note


class Loihi2HWProfiler:
    def __init__(self, run_cfg) -> None:
        note(f"Loihi2HWProfiler {type(run_cfg).__name__} {len(run_cfg.callback_fxs)}")
        self.power, self.static_power, self.energy = 1.5, 1.25, 0.5
        self.execution_time = np.zeros(0)

    def execution_time_probe(self, num_steps: int) -> None:
        note(f"execution_time_probe {num_steps}")
        self.execution_time = np.full(num_steps, 1e-6)

    def energy_probe(self, num_steps: int) -> None:
        note(f"energy_probe {num_steps}")
