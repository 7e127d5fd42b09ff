"""Training: the loop that every estimator steps, fine-tuning on integer grids, and runs kept in folders."""
