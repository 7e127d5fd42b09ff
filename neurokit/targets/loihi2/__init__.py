"""Loihi 2: the target for those who have Intel's extension of Lava."""
