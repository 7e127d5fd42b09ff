"""Forward gradients over several processes: the weights of one process, for a few numbers exchanged an iteration."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
psutil = pytest.importorskip("psutil")
if not torch.distributed.is_available():
    pytest.skip("this PyTorch was built without torch.distributed", allow_module_level=True)

import group_cases  # noqa: E402
import group_leaving  # noqa: E402

from neurokit.errors import RunError  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.networks import load_model  # noqa: E402
from neurokit.neurons.surrogates import WeakGaussian  # noqa: E402
from neurokit.training.runs.process_group import ProcessGroup  # noqa: E402
from neurokit.training.runs.spread import SpreadData, SpreadDirections, spread  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.slow]
DOUBLE, LAYERS = 8, 5  # bytes of a float64; layers of a DeepONet: two in branch, two in trunk, and the bias


def torchrun(*arguments: object, folder: Path, processes: int = 2) -> None:
    """Start processes as a user does, on this machine alone; by address, for its name may be known to no server."""
    here = ["--standalone", "--local-addr=127.0.0.1"]
    command = [sys.executable, "-m", "torch.distributed.run", *here, f"--nproc-per-node={processes}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    agent = subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env=environment,
    )  # fmt: skip
    try:
        _, errors = agent.communicate(timeout=250)
    finally:
        end(agent)
    assert agent.returncode == 0, errors


def end(agent: subprocess.Popen[str]) -> None:
    """End torchrun and its members, which it starts in sessions of their own, if they have not ended."""
    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(agent.pid).children(recursive=True)
    agent.kill()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    agent.communicate()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("group")
    torchrun(Path(group_cases.__file__), folder, folder=folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("kind", group_cases.KINDS)
@pytest.mark.parametrize("name", group_cases.ESTIMATORS)
def test_two_processes_train_the_weights_of_one(ran: list[dict[str, Any]], name: str, kind: str) -> None:
    """Sums in another order round otherwise: 1e-16 of each slope, which Adam's division by small second moments and
    15 iterations may amplify, but which brings no membrane across its threshold: 1e-12 is far above the former and far
    below the 1e-3 by which an iteration moves a weight."""
    alone = group_cases.train(group_cases.ESTIMATORS[name])
    for weights, losses, _ in (one[f"{name}, {kind}"] for one in ran):
        torch.testing.assert_close(weights, alone[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(losses, alone[1], rtol=1e-12, atol=0)
    assert torch.equal(ran[0][f"{name}, {kind}"][0], ran[1][f"{name}, {kind}"][0]), "the members agree to the last bit"


@pytest.mark.parametrize(
    ("case", "numbers"),
    [
        ("layerwise, directions", 3 * LAYERS),  # the larger share of five directions
        ("global, directions", 3),
        ("hadamard, directions", 2 * LAYERS),
        ("closed form, directions", 3 * 2),  # hidden layers of branch and trunk
        ("layerwise, data", 5 * LAYERS + 1),  # all slopes and the loss
        ("global, data", 5 + 1),
        ("closed form, data", 5 * 2 + 1),
    ],
)
def test_slopes_are_all_that_is_exchanged(ran: list[dict[str, Any]], case: str, numbers: int) -> None:
    assert [one[case][2] for one in ran] == [numbers * DOUBLE] * 2


def test_members_with_a_random_surrogate_agree_and_share_its_noise_where_they_share_the_batch(
    ran: list[dict[str, Any]],
) -> None:
    for kind in group_cases.KINDS:
        assert torch.equal(ran[0][f"random, {kind}"], ran[1][f"random, {kind}"])
    alone, _ = group_cases.train(group_cases.RANDOM, group_cases.network(WeakGaussian()))
    torch.testing.assert_close(ran[0]["random, directions"], alone, rtol=0, atol=1e-12)
    assert not torch.allclose(ran[0]["random, data"], alone, rtol=0, atol=1e-6), "noise of one's own"


def test_a_model_that_differs_in_its_smallest_bit_is_noticed_by_all(ran: list[dict[str, Any]]) -> None:
    assert "process 0 is not that of process 1" in ran[0]["disagreement"]
    assert "process 1 is not that of process 0" in ran[1]["disagreement"]


def test_torchrun_of_the_command_line_writes_one_folder_and_counts_its_bytes(tmp_path: Path) -> None:
    """The recipe sends 64 bytes an iteration where data-parallel backpropagation sends every parameter's gradient."""
    arguments = ["--out", "run", "--iterations", 20, "--json", "record.json"]
    torchrun("-m", "neurokit", "train", *arguments, folder=tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["processes"] == 2
    agreement = 32  # one digest, at the end
    slopes = 16 // 2 * 2 * 4  # half of the directions, branch and trunk, float32
    assert record["bytes_sent"] == 20 * slopes + agreement
    model = load_model(tmp_path / "run" / "model.pt").network
    assert 200 * slopes < 4 * sum(p.numel() for p in model.parameters()), "what backpropagation would send"
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == [10, 20]
    torchrun("-m", "neurokit", "train", "--out", "run", "--resume", folder=tmp_path)


def test_members_leave_together_and_none_stays_behind(tmp_path: Path) -> None:
    """Until tensors were held, one pair in five never ended on two busy cores: of 40, one in 8,000 times none."""
    done = subprocess.run(
        [sys.executable, group_leaving.__file__, "40"], capture_output=True, text=True, timeout=280, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0"], done.stderr


def test_a_member_that_dies_ends_all_with_a_word_and_nothing_is_left(tmp_path: Path) -> None:
    here = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    command = [*here, "--nproc-per-node=2", "-m", "neurokit", "train", "--out", str(tmp_path / "run")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        over = time.monotonic() + 200
        metrics = tmp_path / "run" / "metrics.jsonl"
        while not metrics.exists() or not metrics.stat().st_size:
            assert agent.poll() is None, agent.communicate()
            assert time.monotonic() < over
            time.sleep(0.02)
        family = psutil.Process(agent.pid).children(recursive=True)
        members = [p for p in family if "train" in p.cmdline()]
        last = max(members, key=lambda p: int(p.environ()["RANK"]))
        last.kill()
        _, errors = agent.communicate(timeout=60)
        assert agent.returncode != 0
        # The other member finds out by itself, or by torchrun's SIGTERM where that comes first.
        assert "lost another one" in errors or "was asked to end" in errors
        assert "Signal 9" in errors  # torchrun names the one that was killed
        psutil.wait_procs(family, timeout=60)
        assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        assert not list((tmp_path / "run").glob(".*"))
    finally:
        end(agent)


def test_shares_cover_all_and_differ_by_one_at_most() -> None:
    for size in range(1, 6):
        for count in range(12):
            shares = ProcessGroup(0, size).shares(count)
            assert [i for share in shares for i in range(count)[share]] == list(range(count))
            assert max(s.stop - s.start for s in shares) - min(s.stop - s.start for s in shares) <= 1


def test_what_cannot_be_spread_is_refused() -> None:
    pair = ProcessGroup(0, 2)
    with pytest.raises(RunError, match="Backprop; legal is a ForwardGradient"):
        spread(ClosedFormReadout(Backprop()), SpreadData, pair)
    with pytest.raises(RunError, match="directions to spread is 1; legal is at least 2"):
        spread(ForwardGradient(), SpreadDirections, pair)
    alone = ForwardGradient()
    assert spread(alone, SpreadDirections, ProcessGroup()) is alone
