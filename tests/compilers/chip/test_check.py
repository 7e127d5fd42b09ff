"""check: every rule finds what breaks it and nothing else, all violations come at once, unknown limits are said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import ROOT

from neurokit.compilers.chip.check import check, unchecked
from neurokit.compilers.chip.fit_chip import check_fit
from neurokit.compilers.chip.place import place
from neurokit.compilers.chip.rulebook import Violation
from neurokit.compilers.chip.rules import RULES
from neurokit.errors import DoesNotFit
from neurokit.hw_configs import Chip, Limit, load_board, load_chip
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Conv2d, Dense, Input, Output, Product, Program, Readout, Recurrent, Sparse, Spiking, Sum
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import Rate

LOIHI2 = load_chip("loihi2")


def chip(**values: int) -> Chip:
    """Loihi 2 with some limits replaced; the source is the field's name."""
    made = {k: Limit(value=v, low=v, high=v, source=f"source of {k}", kind="inferred") for k, v in values.items()}
    return LOIHI2.model_copy(update=made)


def network(
    *,
    weight: Any = ((3, -4, 1), (2, 2, -2)),
    bias: Any = (5, -5),
    exponent: int = 0,
    neuron: Neuron | None = None,
    recurrent: Recurrent | None = None,
    delay: int = 0,
    reach: int = 10,
    out: Any = ((1, 2), (3, 4)),
    steps: int = 4,
    shift: int = 0,
) -> Program:
    return Program(
        (
            Input("x", np.full(3, -reach), np.full(3, reach), 1.0),
            Dense("hidden", "x", np.array(weight), np.array(bias), exponent),
            Spiking("spikes", "hidden", neuron or IF(64), recurrent=recurrent),
            Dense("out", "spikes", np.array(out), np.zeros(len(out)), delay=delay),
            Readout("total", "out", Rate(), shift),
            Product("square", "total", "total"),
            Output("answer", "square"),
        ),
        steps,
        Widths(32, 32, 32, 32, 32),
    )


def leaky(threshold: int, reset: Subtract | ToZero = Subtract(), beta: int = 3584) -> Program:  # noqa: B008
    """By default a decay of an eighth, with which a soft reset of a multiple of 8 is exact."""
    return network(neuron=LIF(threshold, reset, strict=True, beta=Decay12(beta)))


def current_based() -> Program:
    return network(neuron=CubaLIF(64, Subtract(), strict=True, alpha=Decay12(0), beta=Decay12(0)))


def echoing(exponent: int = 0) -> Program:
    return network(recurrent=Recurrent([[3, 9], [-1, -1]], exponent))


def only(found: list[Violation]) -> Violation:
    assert len(found) == 1, [str(each) for each in found]
    return found[0]


def test_an_ordinary_network_breaks_no_rule_of_loihi_2() -> None:
    assert check(network(), LOIHI2) == check(network(), "loihi2") == []
    assert place(network(), "loihi2") == place(network(), LOIHI2)
    check_fit(network(), LOIHI2)
    check_fit(network(), load_board("kapoho-point"))


@pytest.mark.parametrize(
    ("program", "limits", "expected"),
    [
        # rule, layer, index, value, limit, nearest, count
        (
            network(weight=((3, -4, 1), (2, 9, -12))),
            {"weight_bits": 4},
            ("weight_range", "hidden", (1, 2), -12, -8, -8, 2),
        ),
        (network(out=((1, 2), (16, 15))), {"weight_bits": 4}, ("weight_range", "out", (1, 0), 16, 15, 15, 1)),
        (
            network(weight=-np.array(((3, 4, 1), (2, 17, 0)))),
            {"weight_bits": 4},
            ("weight_range", "hidden", (1, 1), -17, -15, -15, 1),
        ),
        (network(exponent=3), {"weight_exponent_highest": 1}, ("weight_exponent", "hidden", (), 3, 2, 2, 1)),
        (network(exponent=-7), {"weight_exponent_lowest": -7}, ("weight_exponent", "hidden", (), -7, -6, -6, 1)),
        (network(bias=(5, 1000)), {"weight_bits": 5}, ("bias_width", "hidden", (1,), 1000, 1008, 1008, 1)),
        (network(), {"threshold_bits": 5}, ("threshold_width", "spikes", (), 64, 32, 32, 1)),
        (network(neuron=IF(17 * 2)), {"weight_bits": 4}, ("threshold_synapse", "spikes", (), 34, 32, 32, 1)),
        (leaky(32, ToZero()), {"threshold_bits": 5}, ("threshold_width", "spikes", (), 32, 31, 31, 1)),
        (leaky(36), {"weight_bits": 4}, ("threshold_synapse", "spikes", (), 36, 32, 32, 1)),
        (leaky(64, beta=3687), {"weight_bits": 8}, ("threshold_synapse", "spikes", (), 3687, 3712, 3712, 1)),
        (leaky(64, ToZero(), 3687), {"decay_bits": 10}, ("decay_mantissa", "spikes", (), 3687, 3688, 3688, 1)),
        (leaky(64, ToZero()), {"state_bits": 14}, ("membrane_width", "spikes", (0,), -15890, -8191, -8191, 2)),
        (echoing(), {"weight_bits": 4}, ("weight_range", "spikes", (0, 1), 9, 7, 7, 1)),
        (echoing(3), {"weight_exponent_highest": 1}, ("weight_exponent", "spikes", (), 3, 2, 2, 1)),
        (network(delay=9), {"max_delay": 8}, ("delay", "out", (), 9, 8, 8, 1)),
        (current_based(), {"programmable_neurons": 0}, ("microcode", "spikes", (), 1, 0, 0, 1)),
        (network(), {"state_bits": 12}, ("membrane_width", "spikes", (0,), -300, -31, -31, 2)),
        (
            network(out=((100, 100), (1, 1)), steps=4),
            {"state_bits": 10, "state_fraction_bits": 1},
            ("accumulator_width", "total", (0,), 800, 511, 511, 1),
        ),
        (network(), {"dendrite_bits": 7}, ("dendrite_width", "hidden", (0,), 85, 63, 63, 2)),
        (network(), {"product_bits": 8}, ("product_width", "square", (1,), 784, 127, 127, 2)),
        (network(), {"message_bits": 5}, None),
        (network(), {"programmable_neurons": 0}, None),
        (network(), {"in_axons_per_core": 4}, ("fan_in", "spikes", (), 5, 4, 4, 1)),
        (network(), {"neurons_per_core": 1, "out_axons_per_core": 1}, None),
        (network(), {"neurons_per_core": 1}, None),
        (network(), {"synapse_bytes_per_core": 15}, ("synapse_bytes_per_core", "hidden", (), 16, 15, 15, 1)),
        (network(), {"synapse_bytes_per_core": 4}, None),
    ],
)
def test_each_rule_finds_what_breaks_it(program: Program, limits: dict[str, int], expected: Any) -> None:
    found = check(program, chip(**limits))
    assert found
    for each in found:
        assert any(f"source of {field}" in each.source for field in limits)
        assert each.nearest == each.limit != each.value
        assert f"layer {each.layer!r}" in str(each)
        assert "Loihi 2" in str(each)
    if expected is None:
        return
    rule, layer, index, value, limit, nearest, count = expected
    each = next(one for one in found if (one.rule, one.layer) == (rule, layer))
    assert each.index == index
    assert (each.value, each.limit, each.nearest, each.count) == (value, limit, nearest, count)


def test_graded_messages_are_named_one_by_one() -> None:
    found = check(network(reach=10), chip(message_bits=5))
    assert [(each.rule, each.layer, each.value) for each in found] == [
        ("message_payload", "total", 28),
        ("message_payload", "square", 784),
    ]
    assert {each.limit for each in found} == {15}


def test_neurons_without_microcode_neither_sum_nor_multiply() -> None:
    found = check(network(), chip(programmable_neurons=0))
    assert [(each.rule, each.layer) for each in found] == [("microcode", "total"), ("microcode", "square")]


def test_a_neuron_that_fits_no_core_is_named_even_when_layers_may_be_split() -> None:
    # Of `spikes`: three lines and one bias digit, and the synapse of the reset, a word of four bytes each.
    found = check(network(), chip(synapse_bytes_per_core=19), split=True)
    assert [(each.rule, each.layer, each.value) for each in found] == [("neuron_synapse_bytes", "spikes", 20)]


def test_fan_out_counts_the_cores_that_the_readers_need_at_least() -> None:
    found = check(network(), chip(neurons_per_core=1, out_axons_per_core=1), split=True)
    assert [(each.rule, each.layer, each.value, each.unit) for each in found] == [("fan_out", "spikes", 2, " cores")]


def test_shared_and_sparse_weights_and_sums_are_checked_too() -> None:
    geometry = Convolution((1, 1, 3))
    program = Program(
        (
            Input("x", [-9, -9, -9], [9, 9, 9], 1.0),
            Conv2d("shared", "x", np.array([[[[7, -8]]]]), np.array([0]), geometry, exponent=3),
            Sparse("some", "x", Csr.of(np.array([[0, 0, -60], [1, 0, 0]])), np.array([0, 0])),
            Sum("both", ("shared", "some")),
            Dense("late", "both", np.ones((2, 2)), np.zeros(2)),
            Sum("sum", ("late", "some")),
            Spiking("spikes", "sum", IF(64)),
            Readout("total", "spikes", Rate()),
            Output("answer", "total"),
        ),
        4,
    )
    limits = {"weight_bits": 4, "weight_exponent_highest": 1, "dendrite_bits": 11, "message_bits": 10, "max_delay": 0}
    assert {(one.rule, one.layer, one.value, one.count) for one in check(program, chip(**limits))} == {
        ("weight_range", "some", -60, 1),
        ("weight_exponent", "shared", 3, 1),
        ("dendrite_width", "shared", 1080, 2),
        ("dendrite_width", "both", 1620, 2),
        ("dendrite_width", "late", 2709, 2),
        ("dendrite_width", "sum", 3249, 2),
        ("message_payload", "both", 1620, 2),
        ("delay", "sum", 1, 1),
        ("threshold_synapse", "spikes", 64, 1),
    }


def test_the_page_on_chips_names_every_rule() -> None:
    page = (ROOT / "docs" / "chips.md").read_text(encoding="utf-8")
    assert [rule.name for rule in RULES if f"`{rule.name}`" not in page] == []


def test_split_layers_need_not_lie_on_one_core() -> None:
    small = chip(neurons_per_core=1)
    assert {each.rule for each in check(network(), small)} == {"neurons_per_core"}
    assert check(network(), small, split=True) == []


def test_a_hard_reset_needs_no_threshold_synapse() -> None:
    assert check(network(neuron=IF(34, ToZero())), chip(weight_bits=4)) == []


def test_a_delay_is_the_difference_of_two_branches() -> None:
    nodes: list[Any] = [Input("x", np.array([-1]), np.array([1]), 1.0)]
    for name, depth in (("long", 5), ("short", 1)):
        source = "x"
        for i in range(depth):
            nodes += [
                Dense(f"{name}{i}", source, np.array([[2]]), np.zeros(1)),
                Spiking(f"{name}{i}s", f"{name}{i}", IF(4)),
            ]
            source = f"{name}{i}s"
        nodes += [Dense(f"{name}o", source, np.array([[2]]), np.zeros(1)), Readout(name, f"{name}o", Rate())]
    nodes += [Product("p", "long", "short"), Output("y", "p")]
    found = only(check(Program(tuple(nodes), 4), chip(max_delay=3)))
    assert (found.rule, found.layer, found.value, found.limit) == ("delay", "p", 4, 3)


def test_all_violations_come_at_once_and_the_raising_form_names_each() -> None:
    program, small = network(exponent=3), chip(weight_bits=2, threshold_bits=2, neurons_per_core=1, message_bits=3)
    found = check(program, small)
    assert len({each.rule for each in found}) >= 5
    with pytest.raises(DoesNotFit) as caught:
        check_fit(program, small)
    assert str(caught.value).split("\n") == [str(each) for each in found]


def test_a_program_without_a_certificate_is_checked_like_one_with_it() -> None:
    program = network()
    certified = replace(program, certificate=prove(program))
    for limits in ({"state_bits": 9}, {"dendrite_bits": 5}, {"message_bits": 2}):
        assert check(program, chip(**limits)) == check(certified, chip(**limits))


def test_unknown_limits_are_reported_and_not_passed_in_silence() -> None:
    assert [(each.rule, each.limit) for each in unchecked(LOIHI2)] == [
        ("dendrite_width", "dendrite_bits"),
        ("product_width", "product_bits"),
        ("fan_out", "out_axons_per_core"),
    ]
    assert "not checked" in str(unchecked(LOIHI2)[0])
    bare = Chip(**{field: getattr(LOIHI2, field) for field in ("name", "cores", "neurons_per_core",
                   "synapse_bytes_per_core", "weight_bits")})  # fmt: skip
    runs = {rule.name for rule in RULES} - {each.rule for each in unchecked(bare)}
    assert runs == {"weight_range", "bias_width", "neuron_synapse_bytes", "neurons_per_core", "synapse_bytes_per_core"}
    assert check(network(), bare) == []


def test_loihi_1_refuses_graded_messages_and_products_but_not_spiking_layers() -> None:
    found = check(network(), load_chip("loihi1"))
    assert {each.rule for each in found} == {"message_payload", "microcode"}
    assert {each.layer for each in found} == {"x", "total", "square"}
    assert all("Loihi 1" in str(each) for each in found)


def run_check(program: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "neurokit", "check", str(program), *arguments, "--json", "-"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=program.parent,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def test_the_command_exits_zero_only_when_nothing_is_broken(tmp_path: Path) -> None:
    path = network().save(tmp_path / "program.h5")
    code, record = run_check(path)
    assert (code, record["ok"], record["violations"]) == (0, True, [])
    assert {each["limit"] for each in record["not_checked"]} >= {"out_axons_per_core", "dendrite_bits"}
    code, record = run_check(path, "--chip", "loihi1")
    assert (code, record["ok"]) == (1, False)
    assert {"rule", "layer", "index", "value", "limit", "nearest", "source"} <= set(record["violations"][0])
    assert len(record["violations"]) == len(check(network(), load_chip("loihi1")))
    assert run_check(path, "--chip", "loihi9")[0] == 2


@pytest.mark.parametrize(("command", "answer"), [("place", "utilisation"), ("estimate", "operations")])
def test_place_and_estimate_say_first_what_check_forbids_and_exit_one(
    command: str, answer: str, tmp_path: Path
) -> None:
    """An exponent of -7 is one that nengo-loihi's limit forbids; with a chip that has -8 nothing is."""
    path = network(exponent=-7).save(tmp_path / "program.h5")
    allowed, forbidden = as_file(tmp_path, "allowed", -8), as_file(tmp_path, "forbidden", -7)
    for chip_file, code in ((allowed, 0), (forbidden, 1)):
        done = subprocess.run(
            [sys.executable, "-m", "neurokit", command, str(path), "--chip", str(chip_file), "--json", "-"],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "400"},
        )
        assert done.returncode == code, done.stderr
        record = json.loads(done.stdout)
        assert record["ok"] is (code == 0)
        assert [each["rule"] for each in record["violations"]] == ["weight_exponent"] * code
        assert answer in record
        for said in record["assumptions"]:
            assert said[:60] in done.stderr, "assumptions stand under the table, too"
        if code:
            order = [done.stderr.index(words) for words in ("cannot run on", "exponent is -7", "What this rests on")]
            assert order == sorted(order)
            assert done.stderr.index("exponent is -7") < done.stderr.index("1 rule of Loihi 2 broken")


def as_file(folder: Path, name: str, lowest: int) -> Path:
    """Loihi 2 with another least exponent."""
    text = resources.files("neurokit.hw_configs").joinpath("loihi2.toml").read_text(encoding="utf-8")
    before, after = text.split("[weight_exponent_lowest]\nvalue = -8\nlow = -8")
    path = folder / f"{name}.toml"
    path.write_text(f"{before}[weight_exponent_lowest]\nvalue = {lowest}\nlow = -8{after}", encoding="utf-8")
    return path
