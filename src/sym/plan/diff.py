"""Whether an object already says what we want: desired against seen, over the fields that we own.

What the server or others add is ignored. Values that mean the same are the same: quantities (`1000m` and `1`), an empty
value and a missing one, list entries matched by the key by which the API server merges them. What we *dropped* cannot
be found this way; therefore whoever compares also compares the recorded revision.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from sym.model.codec import JSON, JSONMap

QUANTITIES = frozenset({"limits", "requests", "sizeLimit", "divisor", "overhead", "storage"})
"""Fields whose value, or whose map's values, are quantities. Elsewhere `1000m` is only a text."""

MERGE_KEYS: Sequence[tuple[str, ...]] = (
    ("name",),
    ("mountPath",),
    ("containerPort", "protocol"),
    ("devicePath",),
    ("topologyKey", "whenUnsatisfiable"),
    ("ip",),
)
"""The keys of the list-maps in a pod template, in the order in which they are tried."""

_DEFAULT_OF_KEY: Mapping[str, str] = {"protocol": "TCP"}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)")
_SUFFIXES: Mapping[str, Decimal] = {
    **{
        suffix: Decimal(10) ** power
        for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{suffix + "i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


def differences(desired: JSON, seen: JSON, path: str = "") -> list[str]:
    """The paths at which `seen` does not say what `desired` says; empty if it says all of it."""
    if _empty(desired) and _empty(seen):
        return []
    match desired, seen:
        case dict(), dict():
            return [found for key in desired for found in differences(desired[key], seen.get(key), f"{path}.{key}")]
        case list(), list():
            return _list_differences(desired, seen, path)
        case _:
            return [] if _same(desired, seen, path) else [path]


def quantity(value: JSON) -> Decimal | None:
    """A Kubernetes quantity as a number, or None where `value` is none."""
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * _SUFFIXES.get(suffix or "", Decimal(1))


def _empty(value: JSON) -> bool:
    return not value


def _same(desired: JSON, seen: JSON, path: str) -> bool:
    if isinstance(desired, bool) or isinstance(seen, bool):
        return desired is seen
    if desired == seen:
        return True
    fields = path.split(".")[-2:]
    if QUANTITIES.isdisjoint(fields):
        return False
    wanted = quantity(desired)
    return wanted is not None and wanted == quantity(seen)


def _list_differences(desired: list[JSON], seen: list[JSON], path: str) -> list[str]:
    key = next((key for fields in MERGE_KEYS if _unique(desired, key := _key_of(fields))), None)
    if key is not None:
        by_key = {key(entry): entry for entry in seen if isinstance(entry, dict)}
        pairs: list[tuple[JSON, JSON]] = [
            (entry, by_key.get(key(entry))) for entry in desired if isinstance(entry, dict)
        ]
    elif len(desired) == len(seen):
        pairs = list(zip(desired, seen, strict=True))
    else:
        return [path]
    return [found for index, pair in enumerate(pairs) for found in differences(*pair, f"{path}[{index}]")]


Key = Callable[[JSONMap], tuple[str, ...] | None]


def _key_of(fields: tuple[str, ...]) -> Key:
    def key(entry: JSONMap) -> tuple[str, ...] | None:
        if fields[0] not in entry:
            return None
        return tuple(str(entry.get(field, _DEFAULT_OF_KEY.get(field, ""))) for field in fields)

    return key


def _unique(entries: list[JSON], key: Key) -> bool:
    keys = [key(entry) if isinstance(entry, dict) else None for entry in entries]
    return None not in keys and len(set(keys)) == len(keys)
