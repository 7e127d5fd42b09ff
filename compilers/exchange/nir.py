"""NIR, the Neuromorphic Intermediate Representation (Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9), both ways.

>>> from neurokit.compilers.exchange.nir import Euler, read_nir, from_nir, to_nir, write_nir      # doctest: +SKIP
>>> write_nir(to_nir(graph, Euler(dt=1e-4)), "network.nir")                    # doctest: +SKIP
>>> graph = from_nir(read_nir("network.nir"))                                  # doctest: +SKIP

Needs the package nir: pip install 'neurokit-loihi[exchange]'. What is said where stands in docs/exchange.md.
"""

from neurokit.compilers.exchange.dialects import Dialect, norse, plain, sinabs, snntorch
from neurokit.compilers.exchange.nir_export import Annotated, Faithful, to_nir, write_nir
from neurokit.compilers.exchange.nir_import import Reading, from_nir, read_nir
from neurokit.compilers.exchange.nir_neurons import InResistance, InThreshold
from neurokit.compilers.exchange.time_step import Euler, Exponential

__all__ = [
    "Annotated",
    "Dialect",
    "Euler",
    "Exponential",
    "Faithful",
    "InResistance",
    "InThreshold",
    "Reading",
    "from_nir",
    "norse",
    "plain",
    "read_nir",
    "sinabs",
    "snntorch",
    "to_nir",
    "write_nir",
]
