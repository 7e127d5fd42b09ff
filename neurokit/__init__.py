"""neurokit: from a spiking network in PyTorch to integers on Intel's Loihi 2, spike for spike."""

from __future__ import annotations

__version__ = "0.1.0"
