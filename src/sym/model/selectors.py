"""Label selectors, as Kubernetes means them.

The docstring under a field is its description in the CRD.
"""

from collections.abc import Mapping
from typing import Annotated

from sym.model.meta import Model
from sym.model.shapes import required


class SelectorRequirement(Model, frozen=True):
    """One condition on a label."""

    key: Annotated[str, required(maxLength=317)] = ""
    """The label's name."""
    operator: Annotated[str, required(enum=["In", "NotIn", "Exists", "DoesNotExist"])] = ""
    """How the label's value is compared with `values`."""
    values: tuple[str, ...] = ()
    """The values to compare with; empty for Exists and DoesNotExist."""


class LabelSelector(Model, frozen=True):
    """A set of conditions on labels, all of which must hold."""

    match_labels: Mapping[str, str] = {}
    """Labels with exactly these values."""
    match_expressions: tuple[SelectorRequirement, ...] = ()
    """Further conditions."""


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether all conditions of `selector` hold for `labels`; an empty selector fits everything."""
    exact = selector.match_labels.items() <= labels.items()
    return exact and all(_holds(each, labels) for each in selector.match_expressions)


def _holds(one: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    match one.operator:
        case "In":
            return labels.get(one.key) in one.values
        case "NotIn":
            return labels.get(one.key) not in one.values
        case "Exists":
            return one.key in labels
        case "DoesNotExist":
            return one.key not in labels
        case _:
            return False
