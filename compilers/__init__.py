"""The arrows between the artefacts, one pass a file; every pass is a pure function."""
