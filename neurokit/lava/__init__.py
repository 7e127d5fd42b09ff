"""Running Programs on Intel's Lava. `LavaCPU` in `target.py` is the door; nothing here imports Lava until it must.

cycle.py, schedule.py   when every node works: pure arithmetic
digits.py               a bias on 8-bit synapses
forms.py                which of two forms of each process runs
tape.py                 arrays in and out of a running network
network.py              LavaNetwork: the processes, owned, in this very interpreter (imports Lava)
interrupts.py           Ctrl-C must not lose a child
job.py, worker.py       a LavaNetwork in an interpreter of its own
supervisor.py           the parent's side of it: deadline, clean-up
shared_memory.py        what a killed worker may leave
target.py               LavaCPU
"""
