"""Compiled passes of integrate-and-fire neurons under a held current; needs numba.

They compute what the plain loops over `neurokit.neurons.IF.step` compute, operation by operation, in registers
instead of arrays: features agree exactly, sensitivities to the rounding of `exp`. They run on the calling thread only,
so that whoever trains decides how many cores are used.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numba import njit

from neurokit.neurons import IF, Neuron, Subtract, ToZero
from neurokit.readouts import ReadoutRule
from neurokit.surrogates import Gaussian, Surrogate, WeakGaussian
from neurokit.trainable import Trainable


def applies(neuron: Neuron, surrogate: Surrogate | WeakGaussian) -> bool:
    """Whether this neuron and surrogate have a kernel."""
    if type(neuron) is not IF or neuron.strict or isinstance(neuron.threshold, Trainable):
        return False
    reset = neuron.reset
    return isinstance(reset, Subtract | ToZero) and reset.attached and type(surrogate) is Gaussian


def features(z: Float[np.ndarray, " n"], neuron: IF, rule: ReadoutRule, steps: int) -> Float[np.ndarray, " n"]:
    """`phi = sum_t w[t] s[t] / sum_t w[t]` of neurons under the currents `z` (float32 or float64), elementwise."""
    phi = np.empty_like(z)
    real = z.dtype.type
    soft = isinstance(neuron.reset, Subtract)
    weights = rule.weights(steps).astype(z.dtype)
    _features(z, weights, real(rule.normaliser(steps)), real(neuron.threshold), soft, phi)
    return phi


def features_and_gain(
    z: Float[np.ndarray, " n"], neuron: IF, rule: ReadoutRule, surrogate: Gaussian, steps: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Features `phi(z)` and gain `G = sum_t w[t] A[t] / sum_t w[t]`, where `A[t] = d s[t] / d z` by the surrogate.

    The membrane's sensitivity follows `B <- B + 1; A = sigma'(u - threshold) B; B <- B - threshold A` (soft reset).
    """
    phi, gain = np.empty_like(z), np.empty_like(z)
    real = z.dtype.type
    # Below this exponent the bell is zero in the dtype of z, and `exp` need not be called.
    least = real(math.log(np.finfo(z.dtype).tiny))
    _features_and_gain(
        z,
        rule.weights(steps).astype(z.dtype),
        real(rule.normaliser(steps)),
        real(neuron.threshold),
        isinstance(neuron.reset, Subtract),
        real(surrogate.height),
        real(-surrogate.sharpness),
        least,
        phi,
        gain,
    )
    return phi, gain


@njit(cache=True)
def _features(z, weights, normaliser, threshold, soft, phi):  # type: ignore[no-untyped-def]
    for i in range(z.size):
        current = z[i]
        u = current - current
        total = u
        for t in range(weights.size):
            u = u + current
            if u - threshold >= 0:
                total = total + weights[t]
                u = u - threshold if soft else u - u
        phi[i] = total / normaliser


@njit(cache=True)
def _features_and_gain(  # type: ignore[no-untyped-def]
    z, weights, normaliser, threshold, soft, height, slope, least, phi, gain
):
    for i in range(z.size):
        current = z[i]
        u = current - current
        total, du, dtotal = u, u, u
        one = normaliser / normaliser
        for t in range(weights.size):
            u = u + current
            du = du + one
            x = u - threshold
            exponent = x * x * slope
            ds = math.exp(exponent) * height * du if exponent > least else x - x
            dtotal = dtotal + ds * weights[t]
            if x >= 0:
                total = total + weights[t]
                if soft:
                    u = u - threshold
                    du = du - ds * threshold
                else:
                    du = -(ds * u)
                    u = u - u
            else:
                du = du - ds * (threshold if soft else u)
        phi[i] = total / normaliser
        gain[i] = dtotal / normaliser
