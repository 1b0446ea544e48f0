"""What the CRD schema says about a field beyond its type, and open enums. Relies on msgspec only.

The structs decode leniently on purpose: an object that an older CRD let in must be seen, judged by `validate.py` and
shown as `Stalled`; if it could not be decoded it would be missing, and missing must never look like deleted. So limits
stand in `Annotated[...]` as schema-only facts: `structural.py` prints them, the API server enforces them, decoding does
not look at them.
"""

from enum import StrEnum
from typing import Annotated, Self

import msgspec

from sym.model.codec import JSON, JSONMap

REQUIRED = "sym-required"
"""The key that `crd.py` takes out of a field's schema to list the field under `required` of its object."""

NAME_PATTERN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
CLUSTER_PATTERN = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
COUNT_OR_PERCENT_PATTERN = "^(100|[0-9]{1,2})%$"
TAG_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
IMAGE_PATTERN = (
    "^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/)?"
    "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*"
    "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)

MAX_CLUSTERS = 100
MAX_POD_SETS = 50
MAX_NAME = 63
MAX_CONFIRMATIONS = 200
MAX_WAVES = 100
MAX_ANALYSES = 10
MAX_REQUESTS = 200
MAX_FAILURES = 20
MAX_PODS = 50
MAX_EVENTS = 20
MAX_VOLUME_CLAIMS = 20


class Choice(StrEnum):
    """An enum whose unknown values survive: one decodes as a member without a name, keeps its text and is not `known`.

    The schema admits only the named values; an unknown one comes from an older CRD or a newer Sym.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = ""
        member._value_ = value
        return member

    @property
    def known(self) -> bool:
        """Whether this is one of the values that this Sym knows."""
        return self._name_ != ""


def shape(**schema: JSON) -> msgspec.Meta:
    """Schema keywords for a field: maxLength, pattern, minimum ... Decoding does not look at them."""
    return msgspec.Meta(extra_json_schema=schema)


def required(**schema: JSON) -> msgspec.Meta:
    """The same for a field that an object must have."""
    return msgspec.Meta(extra_json_schema=schema | {REQUIRED: True})


def free() -> msgspec.Meta:
    """A map that is kept as it is, and applied as a whole."""
    keep: JSONMap = {"x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-map-type": "atomic"}
    return shape(**keep)


def list_map(*keys: str, limit: int) -> msgspec.Meta:
    """A list whose entries are told apart by `keys`, so that two writers can own different entries."""
    schema: JSONMap = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys), "maxItems": limit}
    return msgspec.Meta(extra_json_schema=schema)


def rule(expression: str, message: str, path: str = "", *, reason: str = "FieldValueInvalid") -> JSON:
    """One CEL rule for `shape(**rules(...))`. `path` is relative to the place of the rule, as `.kubeConfig`."""
    located: dict[str, JSON] = {"fieldPath": path} if path else {}
    return {"rule": expression, "message": message, "reason": reason} | located


def rules(*each: JSON) -> dict[str, JSON]:
    """The schema keyword that holds CEL rules."""
    return {"x-kubernetes-validations": list(each)}


Count = Annotated[int, shape(minimum=0, maximum=2147483647, format="int32")]
"""A number of pods, seconds or the like: never negative, 32 bits."""

CountOrPercent = Annotated[
    int | str, shape(**{"x-kubernetes-int-or-string": True, "pattern": COUNT_OR_PERCENT_PATTERN, "minimum": 0})
]
"""A count or a percentage `0%` to `100%`."""

Replicas = Annotated[
    int | str,
    shape(
        **{"x-kubernetes-int-or-string": True, "pattern": COUNT_OR_PERCENT_PATTERN, "minimum": 0, "maximum": 2147483647}
    ),
]
"""Replicas of a podSet: a count, or a share of spec.replicas in percent."""

PodSetName = Annotated[str, required(minLength=1, maxLength=MAX_NAME, pattern=NAME_PATTERN)]
ClusterName = Annotated[str, shape(minLength=1, maxLength=MAX_NAME, pattern=CLUSTER_PATTERN)]
