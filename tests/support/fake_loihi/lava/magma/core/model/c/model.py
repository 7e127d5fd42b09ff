"""What runs on the embedded CPUs."""


class CLoihiProcessModel:
    """A mark; the stand-in's models of it run in Python."""
