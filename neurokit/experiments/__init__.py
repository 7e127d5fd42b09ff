"""What is run to learn something: published tables, learning on the deployed network, benchmarks, the demo."""
