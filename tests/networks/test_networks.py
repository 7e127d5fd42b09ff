"""Networks: what they compute, how they start, and their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from file_edits import small as a_program  # noqa: E402

from neurokit.errors import GraphError, ModelFileError, ProgramError  # noqa: E402
from neurokit.gradients.local_loss import LocalReadouts  # noqa: E402
from neurokit.ir.program import Program  # noqa: E402
from neurokit.networks import MLP, DeepONet, load_model, save_model  # noqa: E402
from neurokit.neurons.models import IF, ToZero  # noqa: E402
from neurokit.neurons.readouts import MemMean, Rate  # noqa: E402
from neurokit.neurons.surrogates import ArcTan, FastSigmoid, Gaussian, StraightThrough, Triangle, WeakGaussian  # noqa: E402

pytestmark = pytest.mark.torch
DOMAIN = {"branch": (-6.0, 6.0), "trunk": (-1.0, 1.0)}


def small(**options):  # type: ignore[no-untyped-def]
    return DeepONet(sensors=5, coordinates=2, hidden=(8,), features=4, steps=8, **options)


def test_soft_reset_codes_a_constant_current_by_its_rate() -> None:
    """Over T steps an IF neuron under the current z in [0, 1] fires floor(T z) times."""
    model = MLP(inputs=1, hidden=(1,), outputs=1, steps=64, readout=Rate(), dtype=torch.float64)
    with torch.no_grad():
        model.hidden[0].weight.fill_(1.0)
        model.hidden[0].bias.zero_()
    z = torch.arange(0, 65, dtype=torch.float64)[:, None] / 64
    torch.testing.assert_close(model.features(z), z, rtol=0, atol=0)  # dyadic numbers: exact


def test_features_are_the_weighted_mean_of_the_spikes() -> None:
    model = MLP(inputs=3, hidden=(7, 5), outputs=2, steps=9, dtype=torch.float64)
    x = torch.randn(4, 3, dtype=torch.float64)
    trains = model.spikes(x)
    assert [tuple(train.shape) for train in trains] == [(4, 9, 7), (4, 9, 5)]
    weights = torch.tensor(MemMean().weights(9), dtype=torch.float64)
    phi = torch.einsum("t,btn->bn", weights, trains[-1]) / MemMean().normaliser(9)
    torch.testing.assert_close(model.features(x), phi)
    torch.testing.assert_close(model(x), model.readout(phi))


def test_leading_axes_broadcast_to_every_pair() -> None:
    model = small(dtype=torch.float64)
    branch, trunk = torch.randn(3, 5, dtype=torch.float64), torch.rand(6, 2, dtype=torch.float64)
    pairs = model(branch[:, None], trunk[None])
    assert pairs.shape == (3, 6, 1)
    one_by_one = torch.stack([torch.stack([model(b, t) for t in trunk]) for b in branch])
    torch.testing.assert_close(pairs, one_by_one)
    torch.testing.assert_close(model(branch, trunk[:3]), pairs[[0, 1, 2], [0, 1, 2]])


def test_every_branch_is_computed_once() -> None:
    model, seen = small(), []
    model.branch.register_forward_hook(lambda module, inputs, output: seen.append(tuple(inputs[0].shape)))
    model(torch.randn(3, 1, 5), torch.rand(1, 6, 2))
    assert seen == [(3, 1, 5)]


def test_demo_network_has_the_papers_size() -> None:
    def parameters(sensors: int) -> int:
        return sum(p.numel() for p in DeepONet(sensors=sensors, coordinates=1).parameters())

    assert parameters(100) == 5409  # 100-32-32 and 1-32-32 and one bias
    assert parameters(51) == 3841


def test_start_is_uniform_in_its_bound_and_seeded() -> None:
    first, again, other = (small(seed=s) for s in (0, 0, 1))
    for (name, p), q, r in zip(first.named_parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q)
        if name != "bias":
            assert not torch.equal(p, r)
    wide = MLP(inputs=400, hidden=(50,), outputs=1).hidden[0].weight
    assert wide.abs().max() <= 1 / 20
    assert wide.std().item() == pytest.approx(1 / 20 / np.sqrt(3), rel=0.03)  # 20,000 numbers: 0.5 % standard error


def test_building_a_network_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    small()
    assert torch.equal(before, torch.random.get_rng_state())


def test_backpropagation_goes_through_the_surrogate() -> None:
    """One step, one neuron: `d s / d z = sigma'(z - threshold)`."""
    model = MLP(inputs=1, hidden=(1,), outputs=1, steps=1, surrogate=Gaussian(0.5), dtype=torch.float64)
    x = torch.tensor([[0.7]], dtype=torch.float64, requires_grad=True)
    model.features(x).sum().backward()
    weight = model.hidden[0].weight.item()
    z = weight * 0.7 + model.hidden[0].bias.item()
    assert x.grad is not None
    assert x.grad.item() == pytest.approx(weight * Gaussian(0.5).derivative(z - 1.0))


@pytest.mark.parametrize("bad", [{"hidden": ()}, {"hidden": (3, 0)}, {"steps": 0}, {"inputs": 0}, {"outputs": 0}])
def test_networks_without_neurons_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(GraphError, match=r"MLP\."):
        MLP(**({"inputs": 1, "hidden": (2,), "outputs": 1} | bad))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "surrogate", [FastSigmoid(3.0), ArcTan(1.5), StraightThrough(0.7), Triangle(0.4), WeakGaussian(0.2, 12)]
)
def test_files_know_every_surrogate(tmp_path: Path, surrogate: object) -> None:
    model = MLP(inputs=2, hidden=(3,), outputs=1, surrogate=surrogate)  # type: ignore[arg-type]
    loaded = load_model(save_model(model, tmp_path / "model.pt", {"x": (0, 1)})).network
    assert isinstance(loaded, MLP)
    assert loaded.surrogate == surrogate


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_files_keep_everything(tmp_path: Path, dtype: torch.dtype) -> None:
    network = small(
        neuron=IF(threshold=0.75, reset=ToZero()), readout=Rate(), surrogate=Gaussian(0.4), seed=3, dtype=dtype
    )
    path = save_model(network, tmp_path / "model.pt", DOMAIN, {"seed": "3"})
    loaded = load_model(path)
    assert loaded.domain == DOMAIN
    assert loaded.provenance == {"seed": "3"}
    branch, trunk = torch.randn(4, 5, dtype=dtype), torch.rand(4, 2, dtype=dtype)
    assert torch.equal(loaded.network(branch, trunk), network(branch, trunk))
    assert loaded.network.branch.surrogate == Gaussian(0.4)
    assert loaded.network.trunk.neuron == IF(threshold=0.75, reset=ToZero())


def test_an_mlp_has_a_file_too(tmp_path: Path) -> None:
    network = MLP(inputs=2, hidden=(16, 16), outputs=1, seed=1)
    loaded = load_model(save_model(network, tmp_path / "model.pt", {"x": (0, 1)})).network
    assert isinstance(loaded, MLP)
    assert loaded.widths == (16, 16)
    assert all(torch.equal(p, q) for p, q in zip(loaded.parameters(), network.parameters(), strict=True))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_model(small(), tmp_path / "model.pt", DOMAIN)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_model(small(seed=9), path, DOMAIN)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.pt"]


class Sly:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("owned",))


@pytest.mark.parametrize(
    "content",
    [b"", b"not a model", {"state": {}}, {"format": "neurokit.model", "version": 99}, [1, 2], Sly()],
    ids=["empty", "text", "dict", "future", "list", "code"],
)
def test_foreign_files_are_refused(tmp_path: Path, content: object, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "foreign.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(ModelFileError, match=r"foreign\.pt"):
        load_model(path)
    assert "owned" not in capsys.readouterr().out


def test_a_file_with_damaged_bytes_is_refused_or_is_a_model(tmp_path: Path) -> None:
    """Whatever PyTorch's reader raises on a zip or a pickle that is none: one kind of error comes out."""
    path = save_model(MLP(inputs=2, hidden=(3,), outputs=1), tmp_path / "model.pt", {"x": (0, 1)})
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(150):
        damaged = bytearray(whole[: rng.integers(1, len(whole) + 1)] if rng.random() < 0.2 else whole)
        for at in rng.integers(0, len(damaged), rng.integers(1, 9)):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            assert isinstance(load_model(path).network, MLP)
        except ModelFileError as error:
            assert "model.pt" in str(error)  # noqa: PT017
            refused += 1
    assert refused > 50


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = save_model(small(), tmp_path / "model.pt", DOMAIN)
    content = torch.load(path, weights_only=True)
    del content["state"]["bias"]
    torch.save(content, path)
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(path)
    with pytest.raises(ModelFileError, match="no file"):
        load_model(tmp_path / "nowhere.pt")


def test_a_program_in_place_of_a_model_is_recognised_and_the_other_way_round(tmp_path: Path) -> None:
    model = save_model(small(), tmp_path / ("m" * 200 + ".pt"), DOMAIN)
    with pytest.raises(ProgramError, match=r"looks like a trained model; .*`neurokit compile`"):
        Program.load(model)
    program = a_program().save(tmp_path / "program.h5")
    with pytest.raises(ModelFileError, match=r"is a Program of neurokit.* give the trained network \(\.pt\)"):
        load_model(program)


def test_parts_without_a_name_in_the_format_are_refused(tmp_path: Path) -> None:
    class Gaussian:  # the name alone does not do
        def derivative(self, x: object) -> object:
            return x

    class Strange:
        def derivative(self, x: object) -> object:
            return x

    class Mine(MLP):
        """A network that a reader of the file could not build."""

    for model in (Mine(inputs=1, hidden=(2,), outputs=1), LocalReadouts(small())):
        with pytest.raises(ModelFileError, match=f"type is {type(model).__name__}"):
            save_model(model, tmp_path / "model.pt", DOMAIN)  # type: ignore[arg-type]
    with pytest.raises(ModelFileError, match="Strange"):
        save_model(small(surrogate=Strange()), tmp_path / "model.pt", DOMAIN)
    with pytest.raises(ModelFileError, match="Gaussian"):
        save_model(small(surrogate=Gaussian()), tmp_path / "model.pt", DOMAIN)
    with pytest.raises(ModelFileError, match="readout"):
        save_model(small(readout=MemMean("mine")), tmp_path / "model.pt", DOMAIN)


@pytest.mark.parametrize("size", [{"steps": 8.5}, {"steps": 0}, {"outputs": 2.0}, {"inputs": -1}, {"hidden": (3, 2.5)}])
def test_sizes_are_whole_numbers_of_one_or_more(size: dict[str, object]) -> None:
    with pytest.raises(GraphError, match=rf"MLP\.{next(iter(size))}.*an integer >= 1"):
        MLP(**{"inputs": 1, "hidden": (2,), "outputs": 1, **size})  # type: ignore[arg-type]
