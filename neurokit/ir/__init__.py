"""The artefacts between the passes: Graph and Program, what they mean, their bounds and their file."""
