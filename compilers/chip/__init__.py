"""The chip: its rules, cores and memory, and what running on it takes."""
