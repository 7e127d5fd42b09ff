"""Compiled passes over spike times."""
