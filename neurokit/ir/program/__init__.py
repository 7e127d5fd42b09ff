"""Program: the integer network, the only thing that a target ever sees.

All values between Input and Output are integers. With `floor` for division by a power of two (an arithmetic right
shift), the nodes mean, in the local time `t = 0..T-1` of each layer:

    Input                 x = round(real / scale), `low <= x <= high`, held over the window
    Dense, Sparse, Conv2d a = floor((weight @ x[t - delay] + bias) * 2**exponent), x = 0 before t = 0
    Spiking               m <- m + a; s = m >= threshold; m <- reset(m, s, threshold); m = 0 before t = 0, or with
                          leak, see Spiking; with Recurrent, a includes floor((weight @ s[t - 1]) * 2**exponent)
    Sum                   y = the sum of its sources
    Readout               y = floor((offset + sum_t w[t] * a[t]) / 2**shift)
    Product               y = floor(left * right / 2**shift)
    Output                real = scale * y + offset

`neurokit.ir.interpreter` is the executable form of this table and `docs/program-format.md` the file form.
"""

from neurokit.ir.program.network import Interval, Program, ProgramNode
from neurokit.ir.program.nodes import Input, Output, Product, Readout, Sum
from neurokit.ir.program.spiking import Spiking, decays
from neurokit.ir.program.synapses import Conv2d, Dense, Recurrent, Sparse, Synapses

__all__ = [
    "Conv2d",
    "Dense",
    "Input",
    "Interval",
    "Output",
    "Product",
    "Program",
    "ProgramNode",
    "Readout",
    "Recurrent",
    "Sparse",
    "Spiking",
    "Sum",
    "Synapses",
    "decays",
]
