"""quantization: the parts of `quantize`: weight grids, scales and their search, roundings, lowering, and the report."""
