"""What becomes of a built-in object on its way through the server's typed structs.

Unknown fields, nulls and empty optional values vanish, structs that are no pointers appear, quantities and bytes get
their one spelling. Works on the schema alone; the defaults that need knowledge of a kind are in the kind's module.
"""

import base64
from typing import Final

from sym.model.codec import JSON, JSONMap
from sym.sandbox import quantity
from sym.sandbox.schema import Node, Shape

_FALSE_VANISHES: Final = frozenset(
    {"paused", "hostNetwork", "hostPID", "hostIPC", "tty", "stdin", "stdinOnce", "readOnly", "publishNotReadyAddresses"}
    | {"unschedulable"}
)
_ZERO_VANISHES: Final = frozenset(
    {"minReadySeconds", "hostPort", "nodePort", "initialDelaySeconds", "healthCheckNodePort", "observedGeneration"}
    | {"updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "fullyLabeledReplicas"}
    | {"timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"}
)
_EMPTY_STAYS: Final = frozenset({"storageClassName", "apiGroup", "holderIdentity", "preferredHolder"})
"""Fields of text that are pointers: empty is a value there."""


def settle(node: Node, document: JSONMap) -> JSONMap:
    """The object as the server's structs hold it. The argument stays as it is."""
    return _struct(node, document)


def _value(node: Node, value: JSON) -> JSON:
    if node.shape is Shape.MAP and isinstance(value, dict):
        return _struct(node, value)
    if node.shape is Shape.LIST and isinstance(value, list):
        return [_value(node.items, item) for item in value]
    if node.quantity and _is_amount(value):
        return _quantity(value)
    if isinstance(value, str) and node.raw.get("format") == "byte":
        return base64.b64encode(base64.b64decode(value)).decode()
    return value


def _struct(node: Node, value: JSONMap) -> JSONMap:
    found: JSONMap = {}
    for name, item in value.items():
        child = node.field(name)
        if child is None or item is None:
            continue
        settled = _value(child, item)
        if not (name in node.properties and _vanishes(node, name, child, settled)):
            found[name] = settled
    for name in node.times:
        found.setdefault(name, None)
    for name, child in node.properties.items():
        if name not in found and child.has_default and not (child.default == "" and name not in node.required):
            found[name] = _struct(child, {}) if child.default == {} else child.default
    return found


def _vanishes(node: Node, name: str, child: Node, value: JSON) -> bool:
    """Whether Go leaves out an empty value of this field."""
    if name in node.required:
        return False
    if isinstance(value, bool):
        return not value and name in _FALSE_VANISHES
    if value == 0:
        return name in _ZERO_VANISHES
    if value == "":
        return name not in _EMPTY_STAYS
    return value == [] or (value == {} and not child.properties and child.shape is Shape.MAP)


def _is_amount(value: JSON) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _quantity(value: JSON) -> JSON:
    try:
        return quantity.canonical(str(value))
    except ValueError:
        return value
