"""bench rfg: its report is complete and its claims about memory hold; times are reported, not asserted."""

from __future__ import annotations

import json
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from neurokit.errors import OutOfRange  # noqa: E402
from neurokit.experiments.bench import rfg  # noqa: E402
from neurokit.experiments.bench.timing import interleaved  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return rfg.run(repetitions=1)


def test_report_has_the_contracts_keys_and_is_json(report: dict[str, Any]) -> None:
    assert {"name", "machine", "rows", "ratios", "bars"} <= set(json.loads(json.dumps(report)))
    assert report["name"] == "rfg"
    assert all(set(bar) == {"value", "bar", "met"} for bar in report["bars"].values())


def test_both_paths_of_ours_stand_beside_the_three_references(report: dict[str, Any]) -> None:
    methods = [row["method"] for row in report["rows"]]
    assert methods[:3] == ["forward only", "backpropagation", "torch.func.jvp, K=1"]
    assert methods[3:] == [f"tangent, {kind}, K={k}" for kind in ("plain", "compiled") for k in (1, 8, 64)]
    assert all(row["seconds"] > 0 for row in report["rows"])
    assert report["ratios"]["backpropagation / backpropagation"] == 1.0


def test_no_tangent_saves_anything_for_a_backward_pass(report: dict[str, Any]) -> None:
    saved = {row["method"]: row["saved_bytes"] for row in report["rows"]}
    assert all(saved[method] == 0 for method in saved if method.startswith("tangent"))
    assert report["bars"]["bytes that the tangent pass saves for autograd"]["met"]
    # One membrane a step and side at least: 100 functions and 51 locations, 32 neurons, 32 steps, 4 bytes.
    assert saved["backpropagation"] >= (100 + 51) * 32 * 32 * 4


def test_one_direction_needs_less_memory_than_backpropagation(report: dict[str, Any]) -> None:
    peak = {row["method"]: row["peak_bytes"] for row in report["rows"]}
    assert peak["backpropagation"] >= (100 + 51) * 32 * 32 * 4
    assert peak["tangent, plain, K=1"] < peak["backpropagation"] / 2
    assert peak["tangent, compiled, K=1"] < peak["backpropagation"] / 2


def test_calls_take_turns_after_one_warm_up() -> None:
    order: list[str] = []
    seconds = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, repetitions=2)
    assert "".join(order) == "ab" + "abab"
    assert set(seconds) == {"a", "b"}


def test_threads_are_given_back_and_nonsense_refused() -> None:
    before = torch.get_num_threads()
    with pytest.raises(OutOfRange, match="repetitions"):
        rfg.run(repetitions=0)
    assert torch.get_num_threads() == before
