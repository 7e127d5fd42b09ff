"""Learning on a running Lava network: weights that follow the rules of neurokit.learning."""
