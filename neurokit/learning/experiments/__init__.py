"""Experiments of learning on a deployed network: each a frozen recipe, run by `neurokit learn` and kept in a folder."""
