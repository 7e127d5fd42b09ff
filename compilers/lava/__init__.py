"""Lava without Lava: when every node of a Program emits, which processes stand for it, and what they are given."""
