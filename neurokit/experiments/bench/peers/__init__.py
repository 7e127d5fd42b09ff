"""Training steps of other libraries, each run by an interpreter of its own; see `neurokit.experiments.bench.train`.

A module `<library>_step` here imports nothing of neurokit. It has `VERSION`, and `build(widths, batch, steps)`, which
returns a function that makes one training step and returns its loss.
"""
