"""AddedError: what the integers of a Program add to the error of the network that it was made of.

Of every output, with `F` the answers of the network in floating point, `P` those of its Program and `u` the true ones:

    deviation = ||P - F|| / ||F||
    of_spread = ||P - F|| / ||F - mean F||        blind to a constant that all answers share
    added     = ||P - u|| / ||u|| - ||F - u|| / ||u||     where true answers are known, else the deviation

By the triangle inequality `added` is at most `||P - F|| / ||u||`, whatever u is. The first two are of the worst line
of an output with several, as lines may have different units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from neurokit.compilers.quantization.calibration import TWIN
from neurokit.data.metrics import RelativeL2, relative_l2
from neurokit.errors import GraphError, explain
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p

#: Deviations above this share of the spread of an output's answers are warned of.
WARNED_SHARE = 0.05
#: Samples drawn where none are given: enough to see an answer that is lost.
DRAWN = 16


@dataclass(frozen=True)
class AddedError:
    """What the integers add to the error of one output on one set of samples.

    Attributes
    ----------
    data
        What the samples are, such as "calibration" or "test".
    output
        Name of the output.
    samples
        Their number, all combinations of inputs counted.
    deviation, of_spread
        Distance of the Program's answers to the network's, relative to those and to their spread.
    floating, program
        Relative L2 errors against true answers; None where these are not known.
    """

    data: str
    output: str
    samples: int
    deviation: float
    of_spread: float
    floating: RelativeL2 | None = None
    program: RelativeL2 | None = None

    @property
    def added(self) -> float:
        """What is added to the relative L2 error, of the mean and the global one the larger; else its bound."""
        if self.floating is None or self.program is None:
            return self.deviation
        return max(self.program.mean - self.floating.mean, self.program.overall - self.floating.overall)

    @property
    def warning(self) -> str | None:
        """What to tell a user of a deviation above `WARNED_SHARE`, None below."""
        if self.of_spread <= WARNED_SHARE:
            return None
        return (
            f"output {self.output!r}: the Program's answers to the {self.data} samples are {self.of_spread:.3g} of "
            f"their spread away from the network's, more than the {WARNED_SHARE:g} that is warned of; give more bits "
            "or more calibration samples, declare narrower input ranges (each column may have its own), or see what "
            "costs most with `compile --report`."
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **vars(self),
            "floating": self.floating and self.floating.as_dict(),
            "program": self.program and self.program.as_dict(),
            "added": self.added,
        }


def added_error(
    graph: g.Graph,
    program: p.Program,
    inputs: Mapping[str, Float64[np.ndarray, "*batch size"]],
    truth: Float64[np.ndarray, "*batch size"] | None = None,
    *,
    data: str = "calibration",
) -> tuple[AddedError, ...]:
    """Run a Graph and its Program side by side.

    Parameters
    ----------
    graph, program
        The network in floating point, and what was made of it.
    inputs
        Real samples by input name, whose leading axes broadcast.
    truth
        True answers of a network with one output. Where the batch has two axes, the first counts functions.
    data
        What to call the samples.

    Returns
    -------
    tuple of AddedError
        One an output, in the order of the Program.

    Raises
    ------
    GraphError
        When inputs are not those of the network, or true answers are given for several outputs or in another shape.
    OutOfRange
        When a sample leaves the declared range, or a function's true answer is zero everywhere.
    """
    return compare_answers(reference.run(graph, inputs).outputs, TWIN.run(program, inputs).outputs, truth, data=data)


def compare_answers(
    network: Mapping[str, Float64[np.ndarray, "*batch size"]],
    program: Mapping[str, Float64[np.ndarray, "*batch size"]],
    truth: Float64[np.ndarray, "*batch size"] | None = None,
    *,
    data: str,
) -> tuple[AddedError, ...]:
    """As `added_error`, of answers that are there already, by output."""
    if truth is not None and len(program) != 1:
        legal = "answers of a network with one output"
        raise GraphError(explain("true answers", f"given for {len(program)} outputs", legal, "leave them out"))
    found = []
    for name, answers in program.items():
        real = network[name]
        lines = real.reshape(-1, real.shape[-1])
        apart = np.linalg.norm(answers.reshape(lines.shape) - lines, axis=0)
        norm = np.linalg.norm(lines, axis=0)
        spread = np.linalg.norm(lines - lines.mean(axis=0), axis=0)
        spread = np.where(spread > np.finfo(np.float64).eps * norm, spread, norm)  # an answer that is always the same
        errors: tuple[RelativeL2 | None, RelativeL2 | None] = None, None
        if truth is not None:
            errors = _error(name, real, truth), _error(name, answers, truth)
        found.append(AddedError(data, name, len(lines), _worst(apart, norm), _worst(apart, spread), *errors))
    return tuple(found)


def drawn(graph: g.Graph, samples: int = DRAWN, seed: int = 0) -> dict[str, Float64[np.ndarray, "samples size"]]:
    """Inputs drawn evenly from the declared ranges, for want of better ones."""
    rng = np.random.default_rng(seed)
    found = {}
    for node in graph.inputs:
        low, high = np.divide(node.low, 2), np.divide(node.high, 2)  # a width may be more than float64 holds
        found[node.name] = np.clip(2 * (low + (high - low) * rng.random((samples, node.size))), node.low, node.high)
    return found


def _worst(apart: Float64[np.ndarray, " lines"], whole: Float64[np.ndarray, " lines"]) -> float:
    ratio = np.divide(apart, whole, out=np.where(apart > 0, np.inf, 0.0), where=whole > 0)
    return float(ratio.max())


def _error(name: str, answers: np.ndarray, truth: np.ndarray) -> RelativeL2:
    """Both relative L2 errors; where samples are single points, all of them are one sample."""
    try:
        truth = np.asarray(truth, dtype=np.float64).reshape(answers.shape)
    except ValueError:
        raise GraphError(
            explain(f"true answers of output {name!r}: shape", np.shape(truth), str(answers.shape), "give one a sample")
        ) from None
    if answers.ndim == 2:
        truth, answers = truth[None], answers[None]
    return relative_l2(truth, answers)
