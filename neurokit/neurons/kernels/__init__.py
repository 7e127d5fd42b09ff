"""Compiled passes over populations of neurons in time; everything in here but this line needs numba."""
