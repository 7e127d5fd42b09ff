"""The deploy bundle: a Program with all that is needed to see whether it runs right somewhere else.

container.py  one file of named parts: a ZIP that is stored, not compressed, and read strictly
manifest.py   what a bundle says about itself, under a seal
golden.py     known samples and everything that a run of them must show
bundle.py     Bundle: made from a Program, written, read
verify.py     hold a target against a bundle

Reading a bundle executes nothing of it and takes memory in proportion to its size; `docs/bundle.md` is the format.
"""
