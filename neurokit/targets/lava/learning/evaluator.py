"""LavaEvaluator: a Learner whose network runs on Lava, and learns there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int64

from neurokit.errors import UnsupportedNode
from neurokit.learning.integer_optimizer import State
from neurokit.learning.learner import Learner
from neurokit.learning.plastic_layer import Mode
from neurokit.learning.queries import Answer, Directional, Losses, Query, Slopes
from neurokit.learning.tangent_evaluator import mean_slopes, presented
from neurokit.learning.task import Task
from neurokit.targets.lava.learning.plastic_network import PlasticLavaNetwork


@dataclass
class LavaEvaluator:
    """What `neurokit.learning.learner.Learner` does, with a network that holds its own weights.

    The host asks for losses or slopes by orders, concludes from the answers of the running network, and sends K
    integers a tensor; weights and directions are made where they are needed and never cross a channel. Rules that
    conclude scalars (SPSA, RFG) can be used; RFG needs a network with tangents.

    learner  rule, optimizer, batches
    network  running, made with that rule's directions and that optimizer: LearningNetwork or EngineNetwork
    task     the samples
    """

    learner: Learner
    network: PlasticLavaNetwork[Any]
    task: Task
    step_count: int = 0
    memory: State = field(default_factory=dict)

    def __post_init__(self) -> None:
        rule, optimizer = self.learner.rule, self.learner.optimizer
        assert rule.directions == self.network.directions
        assert optimizer == self.network.optimizer
        self.memory = optimizer.start(self.network.tensors)

    def step(self) -> Mapping[str, Int64[np.ndarray, " K"]]:
        """One step of learning; returns the integers that were sent, by tensor.

        Raises UnsupportedNode for a rule that asks for more than scalars, and what the network raises.
        """
        tensors, step = self.network.tensors, self.step_count
        rule, optimizer = self.learner.rule, self.learner.optimizer
        rows = self.task.batch(self.learner.batch, self.learner.seed, step)
        answers = self.answer(rule.ask(tensors), step, rows)
        estimate = rule.tell(tensors, step, answers)
        if not isinstance(estimate, Directional):
            reason = "it concludes more than a scalar for each direction"
            raise UnsupportedNode("rule", type(rule).__name__, "learning on Lava", reason, "Use SPSA or RFG.")
        share = optimizer.schedule.factor(step, self.learner.steps)
        scale = optimizer.scale(tensors, estimate, self.memory, share)
        q = {t.name: estimate.sent(t, scale[t.name], optimizer.limit) for t in tensors}
        self.network.update(step, q)
        self.step_count += 1
        return q

    def answer(self, queries: Sequence[Query], step: int, rows: Int64[np.ndarray, " b"]) -> list[Answer]:
        """One answer a query from the running network; as an Evaluator's."""
        values, truth = presented(self._encoded, self.task, rows)
        (output,) = self.network.program.outputs
        found: list[Answer] = []
        for query in queries:
            if isinstance(query, Losses):
                raws = [
                    self._pass(Mode.PERTURBED, query.layers, query.amplitude, step, k, values)
                    for k in self._copies(query)
                ]
                answers = np.stack([output.decode(raw[output.name]).reshape(truth.shape) for raw, _ in raws])
                entries = self.task.objective.entries(answers, truth)
                found.append(entries.reshape(len(entries), -1).mean(axis=1))
            elif isinstance(query, Slopes):
                made = self.network.tangents
                if made is None:
                    reason = "it was made without tangents"
                    raise UnsupportedNode(
                        "network", type(self.network).__name__, "slopes", reason, "Give it `tangents`."
                    )
                count = range(self.network.directions.count)
                both = [self._pass(Mode.TANGENT, query.layers, 1, step, k, values) for k in count]
                derivatives = np.stack([made.decode(output, tangent[output.name]) for _, tangent in both])
                found.append(mean_slopes(self.task, truth, output.decode(both[0][0][output.name]), derivatives))
            else:
                reason = "it cannot be told in an order"
                raise UnsupportedNode("query", type(query).__name__, "learning on Lava", reason, "Use SPSA or RFG.")
        return found

    def _copies(self, query: Losses) -> range:
        return range(self.network.directions.count if query.amplitude else 1)

    def _pass(
        self,
        mode: Mode,
        layers: Sequence[str],
        amplitude: int,
        step: int,
        direction: int,
        values: Mapping[str, Int64[np.ndarray, "samples size"]],
    ) -> tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]:
        """One pass of the samples under an order: raw outputs, and their tangents where they are carried."""
        moved = {t.name: amplitude for t in self.network.tensors if t.layer in layers}
        self.network.order(mode, step, direction, moved)
        if mode is Mode.TANGENT:
            return self.network.slopes(values)
        return self.network.run(values)[0], {}

    @cached_property
    def _encoded(self) -> dict[str, np.ndarray]:
        return self.network.program.encode(self.task.inputs)
