"""The twin is the reference: every spike, state, total and output, for any Program, kernels and threads."""

from __future__ import annotations

import gc
import math
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import ROOMY, adaptive_programs, programs, random_inputs, random_program

from neurokit.errors import GraphError, OutOfRange, TargetUnavailable
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.interpreter import run
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Recurrent, Sparse, Spiking
from neurokit.ir.result import RunResult
from neurokit.ir.sparse import Csr
from neurokit.ir.target import Target
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.simulator import Twin
from neurokit.simulator import plan as twin_plan
from neurokit.simulator import run as twin_run
from neurokit.simulator import target as twin
from neurokit.simulator.layout import DenseSynapses, Population, laid_out
from neurokit.simulator.numpy_kernels import ArrayKernels, Kernels

numba = pytest.importorskip("numba")

BOTH = pytest.mark.parametrize("compiled", [True, False], ids=["numba", "numpy"])


def kernels() -> list[Kernels]:
    return [twin.choose(True), twin.choose(False)]


def assert_same(expected: RunResult, got: RunResult) -> None:
    assert expected.trace is not None
    assert got.trace is not None
    for kind in ("spikes", "states", "totals"):
        left, right = getattr(expected.trace, kind), getattr(got.trace, kind)
        assert list(left) == list(right)
        for name, values in left.items():
            assert values.dtype == right[name].dtype, (kind, name)
            np.testing.assert_array_equal(values, right[name], err_msg=f"{kind} of {name}", strict=True)
    for kind in ("raw", "outputs"):
        for name, values in getattr(expected, kind).items():
            assert values.dtype == getattr(got, kind)[name].dtype
            np.testing.assert_array_equal(values, getattr(got, kind)[name], strict=True)


@settings(max_examples=90)
@given(
    program=programs(largest=40) | adaptive_programs(largest=40), seed=st.integers(0, 2**32 - 1), corners=st.booleans()
)
def test_equals_the_reference_on_every_integer(program: Program, seed: int, corners: bool) -> None:
    inputs = random_inputs(program, np.random.default_rng(seed), (3,), corners=corners)
    expected = run(program, inputs, record=True)
    for compiled in (True, False):
        assert_same(expected, Twin(compiled=compiled).run(program, inputs, record=True))
        np.testing.assert_array_equal(expected.raw["y"], Twin(compiled=compiled).run(program, inputs).raw["y"])


@BOTH
@pytest.mark.parametrize("batches", [((),), ((1,),), ((4, 1), (1, 5)), ((2, 3, 1), (4,)), ((), (6,))])
def test_leading_axes_broadcast_as_in_the_reference(compiled: bool, batches: tuple[tuple[int, ...], ...]) -> None:
    rng = np.random.default_rng(3)
    program = next(p for p in iter(lambda: random_program(rng, largest=9), None) if len(p.inputs) == len(batches))
    inputs = random_inputs(program, rng, *batches)
    assert_same(run(program, inputs, record=True), Twin(compiled=compiled).run(program, inputs, record=True))


@BOTH
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_chunks_and_threads_change_nothing(compiled: bool, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin_run, "CHUNK_BYTES", 2**9)
    monkeypatch.setattr(twin_run, "THREAD_BYTES", 0)
    rng = np.random.default_rng(threads)
    for _ in range(3):
        program = random_program(rng, largest=12)
        inputs = random_inputs(program, rng, (37,))
        got = Twin(threads=threads, compiled=compiled).run(program, inputs, record=True)
        assert_same(run(program, inputs, record=True), got)


RESETS = st.sampled_from([Subtract(), ToZero()])
DECAYS = st.integers(0, 4096).map(Decay12)
NEURONS = st.one_of(
    st.builds(IF, st.integers(1, 255), RESETS),
    st.builds(LIF, st.integers(1, 255), RESETS, st.just(True), DECAYS),
    st.builds(CubaLIF, st.integers(1, 255), RESETS, st.just(True), DECAYS, DECAYS),
)


@settings(max_examples=60)
@given(
    current=st.lists(st.integers(-300, 300), min_size=1, max_size=20),
    neuron=NEURONS,
    echo=st.one_of(st.none(), st.tuples(st.integers(-128, 127), st.integers(-7, 6))),
    delay=st.integers(0, 3),
)
def test_kernels_step_as_the_neuron_says(
    current: list[int], neuron: Neuron, echo: tuple[int, int] | None, delay: int
) -> None:
    steps = len(current)
    node = Spiking("s", "x", neuron, recurrent=None if echo is None else Recurrent([[echo[0]]], echo[1]))
    state, s, spikes, states = node.start(np.zeros(1, dtype=np.int64)), np.zeros(1, dtype=np.int64), [], []
    for a in current:
        back = 0 if echo is None else math.floor(echo[0] * int(s[0]) * 2.0 ** echo[1])
        before, s, state = node.step(state, np.array([a + back]))
        spikes.append(int(s[0]))
        states.append(int(before[0]))
    population = Population.of(node)
    series = np.array(current, dtype=np.int32).reshape(1, steps, 1)
    # The same currents through synapses: line t fires at step t alone and its weight is the current of that step.
    thirds = np.array(current).reshape(1, steps) // 3
    one_hot = np.eye(steps, dtype=np.uint8)[None]
    late = np.pad(thirds, ((0, 0), (delay, 0)))[:, :steps].reshape(1, steps, 1).astype(np.int32)
    dense = Dense("d", "x", thirds, [0], delay=delay)
    sparse = Sparse("d", "x", Csr.of(np.append(thirds, [[1]], axis=1)), [0], delay=delay)
    for kernel in kernels():
        fired, before = kernel.fire(series, population, steps, True)
        assert fired.ravel().tolist() == spikes
        assert before is not None
        assert before.ravel().tolist() == states
        by_current = kernel.fire(late, population, steps, False)
        by_dense = kernel.drive(one_hot, laid_out(dense, np.ones(steps, np.int64)), population, False)
        idle = np.pad(one_hot, ((0, 0), (0, 0), (0, 1)))  # a line more, that never fires: a Csr is not empty
        by_sparse = kernel.drive(idle, laid_out(sparse, np.ones(steps + 1, np.int64)), population, False)
        np.testing.assert_array_equal(by_dense[0], by_current[0])
        np.testing.assert_array_equal(by_sparse[0], by_current[0])


def test_kernels_are_compiled_for_one_layout_of_memory() -> None:
    """A second signature would mean strided arrays, at which the same loops are ten times slower."""
    from neurokit.simulator import numba_kernels as twin_kernels

    rng = np.random.default_rng(5)
    for record in (True, False):
        for _ in range(20):
            program = random_program(rng, largest=8)
            Twin(compiled=True).run(program, random_inputs(program, rng, (3,)), record=record)
    for name in ("_fire", "_drive", "_drive_sparse", "_count", "_collect"):
        assert len(getattr(twin_kernels, name).signatures) == 1, name


def test_kernels_compile_where_no_folder_can_hold_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurokit.neurons.kernels import compiler

    original, tried = numba.njit, []

    def njit(*, cache: bool = False, **options: object) -> object:
        tried.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return original(**options)

    def double(x: int) -> int:
        return 2 * x

    monkeypatch.setattr(compiler, "njit", njit)
    assert compiler.compiled(double)(21) == 42
    assert tried == [True, False]


@pytest.mark.parametrize("density", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("exponent", [-7, -1, 0, 2])
def test_kernels_agree_with_integer_matrix_products(density: float, exponent: int) -> None:
    rng = np.random.default_rng(int(10 * density) + 100 * (exponent + 7))
    spikes = (rng.random((5, 11, 70)) < density).astype(np.uint8)
    node = Dense("d", "x", rng.integers(-128, 128, (33, 70)), rng.integers(-500, 500, 33), exponent)
    exact = spikes.astype(np.int64) @ node.weight.T.astype(np.int64) + node.bias
    exact = exact << exponent if exponent >= 0 else exact >> -exponent
    weights = MemMean().weights(11)
    synapses = DenseSynapses.of(node, np.ones(70, np.int64), int(weights.sum()))
    np.testing.assert_array_equal(synapses.currents(spikes), exact)
    for kernel in kernels():
        np.testing.assert_array_equal(kernel.count(spikes, weights), np.einsum("t,bti->bi", weights, spikes))
        if exponent < 0:
            got = kernel.collect(spikes, synapses, weights)
        else:
            got = synapses.totals(kernel.count(spikes, weights), int(weights.sum()))
        np.testing.assert_array_equal(got, np.einsum("t,bti->bi", weights, exact))


def test_a_negative_exponent_floors_every_step_not_the_window() -> None:
    """One spike of weight 1 in 4 steps, halved: floor(1/2) = 0 in each step, not floor(4/2) = 2 over all."""
    program = Program(
        (
            Input("x", [1], [1], 1.0),
            Spiking("s", "x", IF(1)),
            Dense("half", "s", [[1]], [0], exponent=-1),
            Readout("r", "half", Rate()),
            Output("y", "r"),
        ),
        steps=4,
    )
    assert Twin().run(program, {"x": np.array([1.0])}).raw["y"] == [0]


def test_window_sums_too_large_for_float64_stay_exact() -> None:
    """A sum over synapses and time may pass 2**53 before opposite weights cancel it; then integers are used."""
    lines = 2**14
    weight = np.resize([127, -127], (1, lines)).astype(np.int64)
    synapses = DenseSynapses.of(Dense("d", "x", weight, [1]), np.ones(lines, np.int64), 2**33)
    assert synapses.spread.dtype == np.int64
    count = np.full((1, lines), 2**33 + 1, dtype=np.int64)
    count[0, 0] += 1
    assert synapses.totals(count, 5) == [[127 + 5]]


@pytest.mark.parametrize(("largest", "dtype"), [(2**16 - 1, np.float32), (2**16, np.float64), (2**23, np.float64)])
def test_sums_too_large_for_float32_stay_exact(largest: int, dtype: type) -> None:
    """Two weights of 128 meet two inputs of up to 2**16: the first sum that float32 could round is 2**24 + 1."""
    synapses = DenseSynapses.of(Dense("d", "x", [[-128, -128]], [1]), np.array([largest, largest]), 0)
    assert synapses.matrix.dtype == dtype
    x = np.array([[largest, largest], [largest - 1, -largest], [-largest, 1 - largest]])
    np.testing.assert_array_equal(synapses.currents(x), x.sum(axis=1, keepdims=True) * -128 + 1)


def test_every_branch_is_evaluated_once_not_once_per_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated: list[int] = []
    fire = ArrayKernels.fire

    def counting(self: ArrayKernels, currents: np.ndarray, *rest: object) -> object:
        evaluated.append(currents.shape[0])
        return fire(self, currents, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ArrayKernels, "fire", counting)
    rng = np.random.default_rng(0)
    program = next(p for p in iter(lambda: random_program(rng, largest=5), None) if len(p.inputs) == 2)
    layers = {name: sum(n.name.startswith(name + ".") for n in program.spiking) for name in ("b", "t")}
    Twin(threads=1, compiled=False).run(program, random_inputs(program, rng, (20, 1), (1, 30)))
    assert sum(evaluated) == 20 * layers["b"] + 30 * layers["t"]


def test_provenance_says_which_kernels_ran() -> None:
    program = random_program(np.random.default_rng(0), largest=4)
    inputs = random_inputs(program, np.random.default_rng(0), (2,))
    assert Twin().run(program, inputs).provenance["kernels"] == f"numba {numba.__version__}"
    slow = Twin(threads=1, compiled=False).run(program, inputs)
    assert slow.provenance == {"kernels": f"numpy {np.__version__}", "threads": "1"}
    assert slow.target == "twin"
    target: Target = Twin()
    assert target.name == "twin"


def test_the_proof_is_made_once_and_forgotten_with_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    proofs: list[Program] = []
    original = twin_plan.prove
    monkeypatch.setattr(twin_plan, "prove", lambda program: (proofs.append(program), original(program))[1])
    program = random_program(np.random.default_rng(1), largest=4)
    inputs = random_inputs(program, np.random.default_rng(0), (2,))
    for _ in range(3):
        Twin().run(program, inputs)
    assert len(proofs) == 1
    watched, key = weakref.ref(program), id(program)
    assert key in twin_plan._PLANS
    proofs.clear()
    del program
    gc.collect()
    assert watched() is None
    assert key not in twin_plan._PLANS


def test_an_unprovable_program_is_refused() -> None:
    nodes = (Input("x", [0], [2**20], 1.0), Spiking("s", "x", IF(1)), Readout("r", "s", Rate()), Output("y", "r"))
    with pytest.raises(OutOfRange, match=r"node 's': synaptic current\[0\] can reach"):
        Twin().run(Program(nodes, 8), {"x": np.zeros((1, 1))})
    roomy = replace(Program(nodes, 8, ROOMY))
    assert Twin().run(roomy, {"x": np.full((1, 1), 2.0**20)}).raw["y"] == [[8]]


def test_bad_samples_are_refused_as_by_the_reference() -> None:
    program = random_program(np.random.default_rng(2), largest=4)
    good = random_inputs(program, np.random.default_rng(0), (2,))
    with pytest.raises(GraphError, match="unknown"):
        Twin().run(program, {**good, "extra": np.zeros((2, 1))})
    first = program.inputs[0]
    beyond = {**good, first.name: np.tile(first.decode(first.high + 1), (2, 1))}
    with pytest.raises(OutOfRange, match="the range this Program was compiled for"):
        Twin().run(program, beyond)


@pytest.mark.parametrize("threads", [0, -1, 1.5])
def test_thread_counts_below_one_are_refused(threads: int) -> None:
    with pytest.raises(OutOfRange, match=r"Twin\.threads"):
        Twin(threads=threads)


def test_missing_numba_is_said_when_it_was_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    twin.choose.cache_clear()
    monkeypatch.setitem(sys.modules, "neurokit.simulator.numba_kernels", None)
    try:
        with pytest.raises(TargetUnavailable, match=r"neurokit-loihi\[fast\]"):
            twin.choose(True)
        assert isinstance(twin.choose(None), ArrayKernels)
    finally:
        twin.choose.cache_clear()
