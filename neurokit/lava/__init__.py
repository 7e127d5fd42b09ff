"""Running Programs on Intel's Lava. `LavaCPU` in `target.py` is the door; nothing here imports Lava until it must.

cycle.py, schedule.py   when every node works: pure arithmetic, no Lava
forms.py                which of two forms of each process runs
network.py              LavaNetwork: the processes, owned, in this very interpreter (imports Lava)
job.py, worker.py       a LavaNetwork in an interpreter of its own
supervisor.py           the parent's side of it: deadline, clean-up
target.py               LavaCPU
"""
