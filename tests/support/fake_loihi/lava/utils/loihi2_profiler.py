"""Probes by callback."""

import numpy as np
from lava.proc.embedded_io.spike import note


class Loihi2Activity:
    def __init__(self) -> None:
        note("Loihi2Activity")
        self.syn_ops, self.dendrite_updates = np.array([10, 20]), np.array([3, 4])
        self.spikes_in, self.axon_out = np.array([5, 5]), np.array([1, 2])
