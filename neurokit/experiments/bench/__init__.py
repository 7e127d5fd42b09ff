"""Benchmarks: each module measures one claim in one process, and says whether its bars are met."""
