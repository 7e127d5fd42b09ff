"""Targets: what runs a Program, on Lava's simulator, on Loihi 2 and by factors, and how runs are verified."""
