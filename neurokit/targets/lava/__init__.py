"""Running Programs on Intel's Lava. `LavaCPU` in `target.py` is the door; nothing here imports Lava until it must.

cycle.py, schedule.py   when every node works: pure arithmetic
digits.py               a bias on 8-bit synapses
forms.py                which of three forms of a network runs
layout.py               what a network of a form will be, before any process exists
buffer.py                 arrays in and out of a running network
stepper.py              a whole Program, one chip step at a time: what the fused form runs
host.py                 what can be done with a running network: feed, advance, read, swap weights
differences.py          what may differ between two Programs on one network
network.py              LavaNetwork: the processes, owned, in this very interpreter (imports Lava)
weights.py              new weights for a network that is running (imports Lava)
live.py                 LiveNetwork: the same in an interpreter of its own, beside PyTorch
live_worker.py          the other end of it
interrupts.py           Ctrl-C must not lose a child
job.py, worker.py       a LavaNetwork in an interpreter of its own
job_folder.py           its folder, which somebody removes whatever dies
cleaner.py              what it has done when its parent is gone
supervisor.py           the parent's side of it: deadline, clean-up
pool.py                 several workers at once
shared_memory.py        what a killed worker may leave
batches.py              from a batch of any shape to a row of samples, and back
target.py               LavaCPU
hardware.py             is a Loihi 2 in reach?
loihi2.py               Loihi2: the same on a chip, unverified; see docs/hardware.md
loihi2_border.py        how many steps the adapters between host and chip take
loihi2_session.py       connect, measure, build, run (imports Lava); loihi2_worker.py is its worker
"""
