"""Training runs: a configuration in, a folder out that holds all that is needed to repeat or resume it."""
