"""Simulated clusters: the API servers of the demo and of the tests."""
