"""Neurons: one step, its surrogates, readouts and trained values, and kernels made for them."""
