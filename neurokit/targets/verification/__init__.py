"""Verification: samples of two targets compared, stages from PyTorch to the chip, and known answers."""
