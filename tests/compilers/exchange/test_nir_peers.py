"""Networks that snnTorch, norse and sinabs wrote: read in the writer's dialect, they fire as the writer simulated them.

`tests/support/peers/write_nir.py` makes the files in the peers' own environments.
"""

from __future__ import annotations

import numpy as np
import pytest
from places import FIXTURES

from neurokit.compilers.exchange.dialects import Dialect, norse, plain, sinabs, snntorch
from neurokit.compilers.exchange.nir_import import Reading, from_nir, read_nir
from neurokit.compilers.exchange.time_step import Euler
from neurokit.errors import GraphError, OutOfRange
from neurokit.ir import interpreter as reference
from neurokit.neurons.models import Subtract, ToZero

pytest.importorskip("nir")
FILES = FIXTURES / "nir"


def differing(case: str, dialect: Dialect) -> tuple[int, int]:
    """`(spikes that differ from the peer's, spikes of the peer)` in the last layer."""
    recorded = np.load(FILES / f"{case}.npz")
    inputs, expected = recorded["inputs"], recorded["spikes"]
    graph = from_nir(read_nir(FILES / f"{case}.nir"), Reading(dialect, steps=expected.shape[1], low=-1.0, high=2.0))
    trace = reference.run(graph, {"input": inputs}, record=True).trace
    assert trace is not None
    return int((trace.spikes["3"] != expected).sum()), int(expected.sum())


@pytest.mark.parametrize(
    ("case", "dialect"),
    [
        ("snntorch-leaky-zero", snntorch()),
        ("snntorch-leaky-subtract", snntorch(Subtract())),
        ("snntorch-synaptic-zero", snntorch()),
        ("norse-lifbox", norse()),
        ("norse-iaf", norse()),
        ("norse-lif", norse()),
        ("sinabs-iaf", sinabs()),
        ("sinabs-lif", sinabs()),
        ("sinabs-lif-zero", sinabs(ToZero())),
        ("sinabs-lif-unnormalised", sinabs(norm_input=False)),
    ],
)
def test_every_spike_is_the_writer_s(case: str, dialect: Dialect) -> None:
    different, spikes = differing(case, dialect)
    assert different == 0
    assert spikes > 50


@pytest.mark.parametrize(
    ("case", "dialect"),
    [
        # The same files in the wrong dialect: what the file does not say matters.
        ("snntorch-leaky-subtract", snntorch()),
        ("sinabs-lif", sinabs(ToZero())),
        ("sinabs-lif-unnormalised", sinabs()),
        ("norse-iaf", plain(Euler(1e-3))),
        ("norse-lif", plain(Euler(1e-6))),
        # Neurons that a Graph does not have: docs/exchange.md says so of each.
        ("snntorch-leaky-subtract-loud", snntorch(Subtract())),
        ("snntorch-leaky-subtract-delayed", snntorch(Subtract())),
        ("snntorch-synaptic-zero-delayed", snntorch()),
        ("sinabs-iaf-many", sinabs()),
    ],
)
def test_what_the_documentation_calls_different_is_different(case: str, dialect: Dialect) -> None:
    assert differing(case, dialect)[0] > 0


def test_time_constants_shorter_than_the_step_are_refused() -> None:
    with pytest.raises(OutOfRange, match=r"node '1': tau is .*at least dt = 0\.001"):
        differing("norse-lifbox", plain(Euler(1e-3)))


def test_a_foreign_graph_needs_a_reading() -> None:
    with pytest.raises(GraphError, match=r"what NIR leaves open is none.*say how to read it"):
        from_nir(read_nir(FILES / "norse-iaf.nir"))
