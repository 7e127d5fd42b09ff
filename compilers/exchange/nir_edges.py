"""in_order: the nodes of a NIR graph, each behind what it reads."""

from __future__ import annotations

from typing import Any

from neurokit.errors import GraphError, explain


def in_order(nir_graph: Any) -> list[str]:
    """Names in topological order; raises GraphError for edges that are repeated, dangling or on a cycle.

    NIR adds up what reaches a node. An edge that is there twice could mean one or two; `nir.read` refuses it too.
    """
    edges = [tuple(edge) for edge in nir_graph.edges]
    if len(set(edges)) < len(edges):
        repeated = next(edge for edge in edges if edges.count(edge) > 1)
        remedy = "remove it, or double the weights behind it"
        raise GraphError(explain("edge", repeated, "there once, as NIR itself demands", remedy))
    waiting = dict.fromkeys(nir_graph.nodes, 0)
    for before, after in edges:
        if before not in waiting or after not in waiting:
            raise GraphError(explain("edge", (before, after), "between nodes of the graph", "mend the file"))
        waiting[after] += 1
    order: list[str] = []
    ready = [name for name, count in waiting.items() if not count]
    while ready:
        order.append(ready.pop(0))
        for before, after in edges:
            waiting[after] -= before == order[-1]
            if before == order[-1] and not waiting[after]:
                ready.append(after)
    if len(order) < len(waiting):
        left = sorted(set(waiting) - set(order))
        remedy = "unroll it, or leave the recurrent synapses out: NIR does not say how late a spike comes back"
        raise GraphError(explain("nodes on or behind a cycle", left, "none", remedy))
    return order
