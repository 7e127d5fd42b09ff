# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One sample, from a float network to Lava
#
# neurokit takes a spiking network that was trained in PyTorch and turns it, through named artefacts, into a network of
# processes on Intel's Lava. This notebook follows a single sample through all of them:
#
# `SpikingModel --trace--> Graph --quantize--> Program --run--> reference == twin == Lava`
#
# and looks at a neuron's membrane on every stage.

# %%
import matplotlib.pyplot as plt
import numpy as np

import neurokit as nk
from neurokit.ir import interpreter as reference

# %% [markdown]
# ## The problem
#
# An operator: from the source $g$ of $-u'' = g$ on $(-1, 1)$ with zero ends to its solution $u$. A network sees $g$ at
# 51 sensors and is asked for $u$ at a point. The sources are draws of a Gaussian random field.

# %%
data = nk.Poisson(length_scale=1.0, train=400, test=100).generate(seed=0)
x = data.test.locations[:, 0]

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), sharex=True, layout="constrained")
left.plot(x, data.test.branch[:5].T)
left.set(title="sources g, as the sensors see them", xlabel="x")
right.plot(x, data.test.targets[:5].T)
right.set(title="solutions u", xlabel="x")
# %% [markdown]
# ## The network, and how it learns
#
# A DeepONet of integrate-and-fire neurons: a *branch* that sees the source, a *trunk* that sees the point, and the
# inner product of what the two say. A value enters as a constant current for `T = 32` time steps; a neuron fires when
# its membrane reaches the threshold and keeps the overshoot (soft reset).
#
# Nothing is propagated backwards. The hidden layers learn by **randomised forward gradients**: nudge all weights of a
# layer in a random direction, see how the loss changes, step along the direction by that much. The readouts are solved
# for in closed form. Small data and 400 iterations keep this notebook short; `neurokit demo` takes its time.

# %%
recipe = nk.OperatorRecipe(iterations=400)
model, history = recipe.train(data.train, seed=0)
trained = nk.evaluate(model, data.test)
print(recipe.algorithm)
print(f"relative L2 error on test functions: mean {trained.mean:.4f}, global {trained.overall:.4f}")

figure, axes = plt.subplots(figsize=(5, 2.5), layout="constrained")
axes.semilogy(history.loss)
axes.set(xlabel="iteration", ylabel="mean square error of the batch")
# %% [markdown]
# ## Graph: the same network without PyTorch
#
# `trace` writes the network down as frozen nodes in float64. The declared range of every input comes with it: it is
# what the integers will be proved for.

# %%
graph = nk.trace(model, data.train.domain)
for node in graph.nodes:
    print(f"{type(node).__name__:8} {node.name:24} <- {', '.join(node.sources)}")

# %% [markdown]
# ## Program: integers, and a proof
#
# `quantize` chooses 8-bit weights, power-of-two exponents and integer thresholds. With a few training samples it rounds
# so that what the layers *say* changes least. Interval analysis then bounds every membrane for **all** inputs in range:
# Loihi's 24-bit state leaves 17 bits for a membrane, and no legal input can leave them.

# %%
program = nk.quantize(graph, calibration=data.train.inputs)
nk.check_fit(program, nk.load_chip("loihi2"))
for node in program.spiking:
    bounds = program.certificate[node.name]
    print(
        f"{node.name}: threshold {node.threshold}, membrane proved within "
        f"{bounds.low.min():,}..{bounds.high.max():,} (legal: +-{2**17 - 1:,})"
    )

# %% [markdown]
# ## One sample, three ways
#
# The same sample through the Graph in floating point, the Program in integers, and Lava: once as a network of Lava's
# own processes, the ones that also have models for Loihi 2, and once with one `SoftIF` process a layer.

# %%
one = {"branch": data.test.branch[2:3], "trunk": data.test.locations[25:26]}
real = reference.run(graph, one, record=True)
comparison, results = nk.compare(
    program, one, [nk.Reference(), nk.Twin(), nk.LavaCPU(), nk.LavaCPU(form=nk.SoftIFForm())]
)
print(f"truth             {data.test.targets[2, 25]:+.5f}")
print(f"float             {real.output.item():+.5f}")
for name, result in results.items():
    print(f"{name:<18}{result.output.item():+.5f}")
print(
    f"\n{comparison.spikes_compared:,} spikes, {comparison.states_compared:,} membranes and "
    f"{comparison.totals_compared:,} totals compared, {comparison.mismatches} differ"
)

# %% [markdown]
# The float network and the integers differ a little: weights and currents were rounded. The integers do not differ from
# each other at all. Here is the membrane of one neuron, before its resets:

# %%
layer = "branch.0.spikes"
spikes = {name: result.trace.spikes[layer][0] for name, result in results.items()}
neuron = int(np.argmin(np.abs(spikes["lava"].sum(axis=0) - 10)))  # one that fires now and then
unit = program[layer].scale

figure, (above, below) = plt.subplots(2, 1, figsize=(8, 4.4), sharex=True, layout="constrained")
steps = np.arange(program.steps)
above.step(steps, real.trace.states[layer][0, :, neuron], where="mid", color="C0", lw=3, alpha=0.4, label="float")
above.step(
    steps, results["reference"].trace.states[layer][0, :, neuron] * unit, where="mid", color="C1", label="Program"
)
above.plot(steps, results["lava"].trace.states[layer][0, :, neuron] * unit, "k.", ms=4, label="Lava")
above.axhline(1.0, color="0.6", lw=0.8)
above.set(ylabel="membrane / threshold", title=f"neuron {neuron} of {layer}")
above.legend(ncols=3)
for row, train in enumerate([real.trace.spikes[layer][0], *spikes.values()]):
    below.eventplot(np.flatnonzero(train[:, neuron]), lineoffsets=row, linelengths=0.8, colors=f"C{row}")
below.set_yticks(range(5), ["float", *spikes])
below.set(xlabel="time step")
# %% [markdown]
# ## All of the test set
#
# Lava simulates every process as a process of the operating system and takes its time. The *twin* computes the same
# integers, batched and compiled, so that whole test sets are cheap; that it is the same was just shown.

# %%
deployed = nk.relative_l2(data.test.targets, nk.Twin().run(program, data.test.inputs).output[..., 0])
print(f"float model    mean {trained.mean:.4f}, global {trained.overall:.4f}")
print(f"int8 Program   mean {deployed.mean:.4f}, global {deployed.overall:.4f}")

assert comparison.mismatches == 0, "every integer must be the same on every target"
assert deployed.mean < 0.06, "400 iterations on 400 functions give 0.03 to 0.04"
assert deployed.mean < trained.mean + 0.015, "8 bits cost little"

# %% [markdown]
# `program.save("program.h5")` writes the Program to a file that needs neither PyTorch nor Lava to be read;
# `neurokit compare program.h5` repeats the comparison from the command line.
