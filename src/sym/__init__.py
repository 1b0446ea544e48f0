"""Sym runs applications over many Kubernetes clusters. The shape of the code is told in docs/architecture.md."""

__version__ = "0.1.0"
