"""Rollouts over groups and clusters: one walk in which no gate can be skipped.

`strategies` say in which order groups change, `cut` which waves there are, `walk` how far they have come, `course` what
may be written now. Source: semantics.md 6.
"""
