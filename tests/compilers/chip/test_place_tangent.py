"""What tangents take on a chip: counted against a network whose sizes are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from neurokit.compilers.chip.check import check
from neurokit.compilers.chip.place import place
from neurokit.compilers.chip.tangent_populations import tangent_populations
from neurokit.errors import DoesNotFit
from neurokit.hw_configs import load_chip
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate


def chain(width: int) -> Program:
    one = np.ones((width, 3), np.int8)
    return Program(
        (
            Input("x", np.zeros(3), np.full(3, 9), 1.0),
            Dense("a", "x", one, np.ones(width)),
            Spiking("as", "a", IF(64)),
            Dense("b", "as", np.ones((width, width)), np.zeros(width)),
            Spiking("bs", "b", IF(64)),
            Dense("out", "bs", np.ones((2, width)), np.zeros(2)),
            Readout("r", "out", Rate()),
            Output("y", "r"),
        ),
        8,
    )


def test_neurons_double_and_synapses_are_counted_set_by_set() -> None:
    program, n = chain(5), 5
    beside = tangent_populations(program, {"a", "b", "out"})
    plain, both = place(program, load_chip("loihi2")), place(program, load_chip("loihi2"), beside=beside)
    neurons, synapses = (sum(use[r].used for use in plain.use) for r in ("neurons", "synapse_bytes"))
    assert sum(use["neurons"].used for use in both.use) == 2 * neurons == 2 * (2 * n + 2)
    # a: 3 lines and a bias; b: n lines; out: n lines; and a reset for every spiking neuron. In words of 32 bits: rows
    # to n neurons take two, of which each has 10 bits beside the 10 of the row, and rows to two neurons and resets one.
    a, b, out = 4 * 8, n * 8, n * 4
    assert synapses == a + b + out + 2 * n * 4
    # a is followed and has a direction; b is followed, passes tangents on and has a direction; out has the latter two.
    assert sum(use["synapse_bytes"].used for use in both.use) == synapses + 2 * a + 3 * b + 2 * out


def test_a_product_gets_one_neuron_a_line_that_hears_its_factors_and_their_tangents() -> None:
    nodes = chain(4).nodes[:-1]
    program = Program((*nodes, Product("p", "r", "r", 4), Output("y", "p")), 8)
    product = tangent_populations(program, {"a"})[-1]
    assert (product.name, product.size) == ("p (tangents)", 2)
    assert sum(projection.singles for projection in product.projections) == 4


def test_what_fits_without_tangents_may_not_fit_with_them() -> None:
    chip, program = load_chip("loihi2"), chain(180)
    beside = tangent_populations(program, {"a", "b", "out"})
    assert check(program, chip, beside=beside) == check(program, chip) == []
    assert place(program, chip, beside=beside).cores > place(program, chip).cores
    few = chip.model_copy(update={"cores": chip.cores.model_copy(update={"value": 2})})
    place(program, few)
    with pytest.raises(DoesNotFit):
        place(program, few, beside=beside)


def test_tangents_need_programmable_neurons() -> None:
    program = chain(5)
    beside = tangent_populations(program, {"a"})
    found = {v.layer for v in check(program, load_chip("loihi1"), beside=beside) if v.rule == "microcode"}
    assert found == {"as (tangents)", "bs (tangents)", "r (tangents)", "r"}
