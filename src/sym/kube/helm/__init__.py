"""Helm: one protocol for what a Helm engine can do, and the engines that do it."""
