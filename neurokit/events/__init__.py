"""Exact gradients of spike times: an event-based core in continuous time, its neurons, losses and estimators.

Names are imported when they are asked for, so that what needs no torch can be had without it.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "CurrentLIF": "lif",
    "EventNeuron": "neuron",
    "EventProp": "eventprop",
    "Events": "events",
    "FirstSpikeCrossEntropy": "losses",
    "ForwardPropagation": "forward_propagation",
    "LabelledEvents": "training",
    "ObservedLIF": "observed",
    "Outcome": "network",
    "Population": "network",
    "SpikeTimeBackprop": "estimator",
    "SpikeTimeEstimator": "estimator",
    "SpikeTimeNetwork": "network",
    "Theta": "theta",
    "WeightBump": "training",
    "accuracy": "training",
    "deadness": "losses",
    "first_spikes": "training",
    "fit_events": "training",
    "lateness": "losses",
    "pseudospikes": "losses",
    "voltage_integral": "observed",
    "voltage_maximum": "observed",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'neurokit.events' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"neurokit.events.{_HOMES[name]}"), name)
