"""Learning on the chip's terms: the integers of a Program move, by rules that need no backward pass and no copy in
floating point. NumPy only; numba makes the evaluation of many copies fast.
"""
