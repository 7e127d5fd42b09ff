"""Directions are functions of counters: the same bits everywhere and in any order, and right on average."""

from __future__ import annotations

import numpy as np
import pytest

from neurokit.errors import OutOfRange
from neurokit.learning.counter_rng import CounterRNG, Purpose
from neurokit.learning.directions import Bernoulli, Directions, Distribution, Hadamard, LowRank

DISTRIBUTIONS = [Bernoulli(), Hadamard(), LowRank(1), LowRank(3)]


def test_words_are_those_of_numpys_philox_at_the_documented_key_and_counter() -> None:
    words = CounterRNG(11).words(Purpose.ROUNDING, step=7, channel=3, direction=5, count=9)
    key, counter = np.array([11, 1], np.uint64), np.array([0, 5, 3, 7], np.uint64)
    assert (words == np.random.Philox(key=key, counter=counter).random_raw(9)).all()


def test_bits_do_not_depend_on_what_was_drawn_before() -> None:
    counters = CounterRNG(1)
    first = counters.signs(Purpose.DIRECTION, 4, 2, 0, 70)
    counters.below(10, Purpose.BATCH, 9, 0, 0, 5)
    assert (counters.signs(Purpose.DIRECTION, 4, 2, 0, 70) == first).all()
    assert (counters.signs(Purpose.DIRECTION, 4, 2, 0, 30) == first[:30]).all()
    assert (counters.signs(Purpose.DIRECTION, 5, 2, 0, 70) != first).any()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_second_moments_are_a_multiple_of_the_identity(distribution: Distribution) -> None:
    draws, count = 400, 2
    moment = np.zeros((12, 12))
    for step in range(draws):
        v = Directions(count, 3, distribution).of(step, 1, (4, 3)).reshape(count, 12).astype(float)
        moment += v.T @ v / (draws * count)
    # The standard deviation of an entry is at most power * sqrt(2 / 400) = 0.07 power (rank 3: a product of
    # sums, whose fourth moment is below 3 power**2); five of them are exceeded once in 10**6 draws.
    assert np.abs(moment - distribution.power * np.eye(12)).max() < 0.4 * distribution.power


def test_hadamard_directions_are_orthogonal_and_whole_at_their_order() -> None:
    v = Directions(16, 0, Hadamard()).of(3, 0, (16,)).astype(int)
    assert (v @ v.T == 16 * np.eye(16)).all()
    assert (v.T @ v == 16 * np.eye(16)).all()


def test_directions_beyond_the_size_make_a_larger_matrix() -> None:
    v = Directions(32, 0, Hadamard()).of(3, 0, (5,)).astype(int)
    assert (v.T @ v == 32 * np.eye(5)).all()


@pytest.mark.parametrize("rank", [1, 2])
def test_low_rank_directions_have_that_rank(rank: int) -> None:
    v = Directions(3, 0, LowRank(rank)).of(0, 0, (9, 7))
    assert all(np.linalg.matrix_rank(each) <= rank for each in v)
    assert np.abs(v).max() <= rank


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Directions(0), "Directions.count"),
        (lambda: LowRank(128), "LowRank.rank"),
        (lambda: CounterRNG(-1), "CounterRNG.seed"),
    ],
)
def test_numbers_that_make_no_directions_are_refused(make: object, said: str) -> None:
    assert callable(make)
    with pytest.raises(OutOfRange, match=said):
        make()
