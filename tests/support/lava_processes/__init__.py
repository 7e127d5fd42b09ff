"""Processes of the tests; Lava imports every file beside one of them to find its models."""
