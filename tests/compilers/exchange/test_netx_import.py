"""Networks that lava-dl's slayer exported run as slayer simulated them, spike for spike; what has no place is refused.

`tests/support/peers/write_slayer.py` makes the files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from places import FIXTURES

from neurokit.compilers.exchange.netx_file import export_netx
from neurokit.compilers.exchange.slayer import import_netx
from neurokit.errors import OutOfRange, ProgramError, UnsupportedNode
from neurokit.ir.program import Program
from neurokit.simulator import Twin

FILES = FIXTURES / "netx"
CASES = ["integrator", "leaky", "current-based", "current-based-recurrent"]


@pytest.mark.parametrize("case", CASES)
def test_every_spike_is_slayer_s(case: str, tmp_path: Path) -> None:
    recorded = np.load(FILES / f"{case}.npz")
    inputs, expected = recorded["inputs"], recorded["spikes"]
    program = import_netx(FILES / f"{case}.net", steps=expected.shape[1])
    result = Twin().run(Program.load(program.save(tmp_path / "imported.h5")), {"x": inputs}, record=True)
    assert result.trace is not None
    np.testing.assert_array_equal(result.trace.spikes["layer2"], expected)
    np.testing.assert_allclose(result.output, expected.mean(axis=1), rtol=1e-12)  # one division
    assert expected.sum() > 30


def one_layer(path: Path, weight: np.ndarray, **neuron: object) -> Path:
    """A file of one dense layer of LOIHI neurons."""
    with h5py.File(path, "w") as file:
        layer = file.create_group("layer/0")
        layer["type"] = np.array([b"dense"], "S10")
        layer["weight"], layer["outFeatures"] = weight, 1
        settings = {"type": b"LOIHI", "iDecay": 4096, "vDecay": 128, "vThMant": 80, "refDelay": 1, "theta": 5120}
        for key, value in {**settings, "tauRho": 0.5, "scaleRho": 10.0, **neuron}.items():
            layer[f"neuron/{key}"] = value
    return path


def test_weights_on_one_axis_are_those_of_the_neurons_that_the_file_says(tmp_path: Path) -> None:
    flat, whole = (
        import_netx(one_layer(tmp_path / "one.net", weight), steps=8)["layer0.synapses"].weight  # type: ignore[union-attr]
        for weight in (np.array([2, 4, 6.0]), np.array([[2, 4, 6.0]]))
    )
    np.testing.assert_array_equal(flat, whole)
    assert flat.shape == (1, 3)


def test_the_exponent_of_a_loihi_neuron_multiplies_its_weights(tmp_path: Path) -> None:
    def rate(weight: list[float], **neuron: object) -> float:
        program = import_netx(one_layer(tmp_path / "f.net", np.array([weight]), **neuron), steps=24)
        return float(Twin().run(program, {"x": np.ones((1, 2))}).output.item())

    assert rate([20, 40]) == 0.5
    assert rate([20, 40], wgtExp=2) == rate([80, 160]) == 1.0


def test_delays_that_are_alike_are_slayer_s(tmp_path: Path) -> None:
    """Blocks whose spikes are 2, 0 and 3 steps late: behind the first layer, and in front of the output."""
    recorded = np.load(FILES / "leaky-delayed.npz")
    inputs, expected = recorded["inputs"], recorded["spikes"]
    program = import_netx(FILES / "leaky-delayed.net", steps=expected.shape[1])
    result = Twin().run(Program.load(program.save(tmp_path / "imported.h5")), {"x": inputs}, record=True)
    assert result.trace is not None
    np.testing.assert_array_equal(result.trace.spikes["layer2"][:, :-3], expected[:, 3:])
    np.testing.assert_allclose(result.output, expected.mean(axis=1), rtol=1e-12)  # one division
    assert expected.sum() > 20
    assert not expected[:, :5].any()


@pytest.mark.parametrize(
    ("weight", "own", "fields"),
    [
        (np.array([2, 4, 6.0]), np.array([-8.0]), {"outFeatures": 1}),
        (np.array([2, 4, 6.0]), np.array(-8.0), {"shape": np.array([1, 1, 1])}),
        (np.array(2.0), np.array(-8.0), {"shape": np.array([1]), "inFeatures": 1}),
    ],
)
def test_every_matrix_of_one_neuron_may_lie_on_one_axis(
    weight: np.ndarray, own: np.ndarray, fields: dict[str, object], tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "one.net", "w") as file:
        layer = file.create_group("layer/0")
        layer["type"] = np.array([b"dense_rec"], "S10")
        for key, value in {"weight": weight, "weight_rec": own, **fields}.items():
            layer[key] = value
        for key, value in {"type": b"CUBA", "iDecay": 4096, "vDecay": 128, "vThMant": 80}.items():
            layer[f"neuron/{key}"] = value
    program = import_netx(tmp_path / "one.net", steps=8)
    recurrent = program["layer0"].recurrent  # type: ignore[union-attr]
    assert recurrent is not None
    np.testing.assert_array_equal(recurrent.weight * 2**recurrent.exponent, [[-8]])
    np.testing.assert_array_equal(program["layer0.synapses"].weight * 2, weight.reshape(1, -1))  # type: ignore[union-attr]


def test_an_input_with_neurons_is_refused_by_what_drives_them(tmp_path: Path) -> None:
    """As slayer writes an Input block that learns its weight and bias."""
    path = shutil.copy(FILES / "leaky.net", tmp_path / "first.net")
    with h5py.File(path, "r+") as file:
        for i in (3, 2, 1):
            file.move(f"layer/{i - 1}", f"layer/{i}")
        file["layer/0/type"], file["layer/0/shape"] = np.array([b"input"]), np.array([5])
    assert import_netx(path, steps=4)["layer1.synapses"].source == "x"  # type: ignore[union-attr]
    with h5py.File(path, "r+") as file:
        file["layer/0/weight"], file["layer/0/bias"] = np.array([36.0]), np.array([34.0])
    with pytest.raises(UnsupportedNode, match=r"'layer0' \(input\).*no neurons behind.*'bias': \[34"):
        import_netx(path, steps=4)
    with h5py.File(path, "r+") as file:
        file.copy("layer/1/neuron", "layer/0/neuron")
    with pytest.raises(UnsupportedNode, match=r"'layer0' \(input\).*CUBA neurons behind.*'weight': \[36.*'bias': \[34"):
        import_netx(path, steps=4)
    with h5py.File(path, "r+") as file:
        del file["layer/0/weight"], file["layer/0/bias"], file["layer/0/neuron"], file["layer/0/shape"]
        file["layer/0/shape"] = np.array([5, 2])
    with pytest.raises(OutOfRange, match="layer1: columns of weight is 5; legal is 10, the lines before it"):
        import_netx(path, steps=4)


@pytest.mark.parametrize("case", CASES)
def test_exported_again_the_file_holds_the_same_network(case: str, tmp_path: Path) -> None:
    """Up to what all numbers of an integrator have in common."""
    again = export_netx(import_netx(FILES / f"{case}.net", steps=8), tmp_path / "again.net")
    with h5py.File(FILES / f"{case}.net") as file:
        for i, layer in enumerate(again.layers):
            original = file[f"layer/{i}"]
            np.testing.assert_array_equal(layer.weight * layer.unit, original["weight"][()])
            assert layer.current_decay == original["neuron/iDecay"][()]
            assert layer.voltage_decay == original["neuron/vDecay"][()]
            assert layer.threshold == original["neuron/vThMant"][()] // layer.unit
            if layer.recurrent is not None:
                np.testing.assert_array_equal(layer.recurrent, original["weight_rec"][()])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"no file '.*nowhere\.net'"):
        import_netx(tmp_path / "nowhere.net", steps=4)


def _set(where: str, value: object) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        if where in file:
            del file[where]
        file[where] = value

    return edit


def _drop(where: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[where]

    return edit


def _recurrent_and_late(file: h5py.File) -> None:
    for where, value in {"type": np.array([b"dense_rec"]), "weight_rec": np.ones((8, 8)), "delay": np.ones(8)}.items():
        _set(f"layer/1/{where}", value)(file)


def _complex(file: h5py.File) -> None:
    file.move("layer/1/weight", "layer/1/real")
    file.move("layer/1/real", "layer/1/weight/real")


def _flatten(file: h5py.File) -> None:
    file["layer/3/type"], file["layer/3/start"] = np.array([b"flatten"]), 1


@pytest.mark.parametrize(
    ("edit", "error", "names"),
    [
        (_set("layer/1/type", np.array([b"conv"])), UnsupportedNode, r"'layer1' \(conv\)"),
        (_set("layer/1/neuron/type", np.array([b"SDNN"])), UnsupportedNode, r"'layer1' \(SDNN\).*no CUBA"),
        (_set("layer/1/delay", np.array([0, 3])), UnsupportedNode, r"'layer1' \(delay\).*its delays are 0\.\.3 steps"),
        (_set("layer/1/delay", np.full(8, 63)), OutOfRange, r"layer1: delay is 63 for 8 lines; legal.*0\.\.62"),
        (_set("layer/1/delay", np.full(8, 1.5)), OutOfRange, r"layer1: delay is 1\.5 for 8 lines"),
        (_set("layer/1/delay", np.full(7, 2)), OutOfRange, r"layer1: delay is 2 for 7 lines; legal.*for each of 8"),
        (_recurrent_and_late, UnsupportedNode, r"'layer1' \(delay\).*it is recurrent: slayer delays"),
        (_set("layer/1/delay/steps", 2), UnsupportedNode, "'layer1'.*its delay is a group"),
        (_set("layer/1/bias/real", np.ones(8)), UnsupportedNode, "'layer1'.*its bias is a group"),
        (_set("layer/1/weight_rec", np.ones((8, 8))), UnsupportedNode, "'layer1'.*its field weight_rec has no place"),
        (_complex, UnsupportedNode, "'layer1'.*its weights are complex"),
        (_flatten, UnsupportedNode, r"'layer3' \(flatten\).*its field start has no place"),
        (_set("layer/1/shape", np.array([9])), OutOfRange, "layer1: lines of its shape is 9; legal is 8, as the weig"),
        (_set("layer/1/neuron/messageBits", 8), UnsupportedNode, "'layer1'.*neuron/messageBits is 8.* has 0 alone"),
        (_set("layer/1/neuron/wgtExp", np.nan), OutOfRange, r"layer1: neuron/wgtExp is \[nan\]"),
        (_set("layer/1/outFeatures", np.array([4, 2])), OutOfRange, r"layer1: outFeatures is \[4, 2\]; legal is one"),
        (_set("layer/1/neuron/refDelay", 6), UnsupportedNode, "'layer1'.*neuron/refDelay is 6.*a Program has 1 alone"),
        (_set("layer/1/neuron/wgtExp", -1), OutOfRange, r"layer1: neuron/wgtExp is \[-1\]"),
        (_set("layer/1/neuron/wgtExp", 6), OutOfRange, r"layer1: neuron/wgtExp is \[6\]"),
        (_set("layer/1/neuron/noise", 1), UnsupportedNode, "'layer1'.*its field neuron/noise has no place"),
        (_set("layer/1/mask", np.ones(3)), UnsupportedNode, "'layer1'.*its field mask has no place"),
        (_set("layer/1/inFeatures", 3), OutOfRange, "layer1: inFeatures is 3; legal is 8, as the weights say"),
        (_set("layer/1/weight", np.ones(9)), OutOfRange, r"layer1: shape of weight is \(9,\)"),
        (_set("layer/1/bias", np.ones(8)), UnsupportedNode, r"'layer1' \(bias\)"),
        (_set("layer/1/neuron/gradedSpike", True), UnsupportedNode, "'layer1'.*gradedSpike is True"),
        (_set("layer/1/neuron/iDecay", np.array([1, 2])), UnsupportedNode, "'layer1'.*2 values of iDecay"),
        (_set("layer/1/neuron/vDecay", 5000), OutOfRange, r"layer1: vDecay is 5000; legal is an integer in 0\.\.4096"),
        (_set("layer/1/neuron/vThMant", 2**17), OutOfRange, "layer1: vThMant"),
        (_set("layer/1/weight", np.full((8, 8), 0.5)), OutOfRange, "layer1: weight.*matrix .* of integers"),
        (_set("layer/1/weight", np.full((8, 8), 255)), OutOfRange, "layer1.synapses.*weight"),
        (_drop("layer/1/weight"), ProgramError, "layer1: weight"),
        (_drop("layer/1"), ProgramError, "no netx file"),
        (_drop("layer"), ProgramError, "no netx file"),
        (_drop("layer/1/neuron"), UnsupportedNode, "'layer1'.*no neuron"),
    ],
)
def test_what_has_no_place_in_a_program_is_refused_by_name(
    edit: Callable[[h5py.File], None], error: type[Exception], names: str, tmp_path: Path
) -> None:
    path = shutil.copy(FILES / "leaky.net", tmp_path / "spoilt.net")
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(error, match=names):
        import_netx(path, steps=4)
