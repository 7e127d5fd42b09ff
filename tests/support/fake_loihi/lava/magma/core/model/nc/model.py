"""What runs on the neurocores."""


class AbstractNcProcessModel:
    """A mark; the stand-in's models of it run in Python."""
