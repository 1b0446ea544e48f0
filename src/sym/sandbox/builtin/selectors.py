"""Label selectors inside objects (`matchLabels`, `matchExpressions`): their checks, and whether they select."""

from collections.abc import Mapping
from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig_list, dig_map, dig_str
from sym.sandbox import naming
from sym.sandbox.metacheck import label_causes
from sym.sandbox.validation import forbidden, invalid, required

_WITH_VALUES: Final = ("In", "NotIn")
_WITHOUT: Final = ("Exists", "DoesNotExist")


def selector_causes(selector: JSON, path: str) -> list[Cause]:
    """What is wrong with a label selector."""
    causes = label_causes(dig_map(selector, "matchLabels"), f"{path}.matchLabels")
    for index, wanted in enumerate(dig_list(selector, "matchExpressions")):
        causes += _expression(dig_map(wanted), f"{path}.matchExpressions[{index}]")
    return causes


def selects(selector: JSON, labels: Mapping[str, JSON]) -> bool:
    """Whether a well-formed selector picks an object with these labels. A null selector picks nothing."""
    if not isinstance(selector, dict):
        return False
    if any(labels.get(name) != value for name, value in dig_map(selector, "matchLabels").items()):
        return False
    return all(_holds(dig_map(wanted), labels) for wanted in dig_list(selector, "matchExpressions"))


def _expression(wanted: JSONMap, path: str) -> list[Cause]:
    causes: list[Cause] = []
    operator, values = dig_str(wanted, "operator"), dig_list(wanted, "values")
    if operator in _WITH_VALUES and not values:
        causes.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in _WITHOUT and values:
        causes.append(forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    elif operator not in _WITH_VALUES + _WITHOUT:
        causes.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    key = dig_str(wanted, "key")
    causes += [invalid(f"{path}.key", key, error) for error in naming.qualified(key)]
    for index, value in enumerate(values):
        causes += [invalid(f"{path}.values[{index}]", value, error) for error in naming.label_value(str(value))]
    return causes


def _holds(wanted: JSONMap, labels: Mapping[str, JSON]) -> bool:
    key, values = dig_str(wanted, "key"), dig_list(wanted, "values")
    match dig_str(wanted, "operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
