"""Frontends: a network of PyTorch or of spike times becomes a Graph."""
