"""How many replicas each podSet gets. A policy is one pure function and one line in this table."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

from sym.model.appset import AppSetSpec
from sym.plan.placement.fixed import fixed
from sym.plan.types import MemberState


class PolicyName(StrEnum):
    """The policies by name."""

    FIXED = "fixed"


Policy: TypeAlias = Callable[[AppSetSpec, Mapping[str, MemberState]], Mapping[str, int]]
"""Replicas by podSet name (unique over the AppSet). Raises ReplicasError where the wishes contradict each other."""

POLICIES: Mapping[PolicyName, Policy] = {PolicyName.FIXED: fixed}
