"""Gradients: estimators of the gradient of a network's loss, behind one interface."""
