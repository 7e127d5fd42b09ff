"""Exact gradients of spike times: an event-based core in continuous time, its neurons, losses and estimators."""
