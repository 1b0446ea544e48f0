"""Checks that many kinds share: numbers in a range, ports, percentages, addresses."""

import re
from ipaddress import ip_address
from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap
from sym.sandbox import naming
from sym.sandbox.validation import invalid, required, unsupported

PROTOCOLS: Final = ["SCTP", "TCP", "UDP"]
NOT_NEGATIVE: Final = "must be greater than or equal to 0"


def not_negative(parent: JSONMap, *names: str, path: str) -> list[Cause]:
    """The fields of `parent` that are below zero."""
    found = [(name, parent.get(name)) for name in names]
    return [
        invalid(f"{path}.{name}" if path else name, v, NOT_NEGATIVE)
        for name, v in found
        if isinstance(v, int) and v < 0
    ]


def between(value: JSON, least: int, most: int, path: str) -> list[Cause]:
    """A number out of a range."""
    if isinstance(value, int) and not least <= value <= most:
        return [invalid(path, value, f"must be between {least} and {most}, inclusive")]
    return []


def one_of(parent: JSONMap, name: str, choices: list[str], path: str) -> list[Cause]:
    """A field that is none of its choices; absent is not its business."""
    value = parent.get(name)
    return [unsupported(f"{path}.{name}", value, choices)] if value not in {None, *choices} else []


def port(value: JSON, path: str) -> list[Cause]:
    """A port by number or name."""
    if isinstance(value, str):
        return [invalid(path, value, error) for error in naming.port_name(value)]
    return between(value or 0, 1, 65535, path)


def share(value: JSON, path: str) -> list[Cause]:
    """A number or a percentage of at most 100."""
    if isinstance(value, str):
        if not re.fullmatch("[0-9]+%", value):
            text = "a valid percent string must be a numeric string followed by an ending '%'"
            return [invalid(path, value, f"{text} (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")]
        return []
    return [invalid(path, value, NOT_NEGATIVE)] if isinstance(value, int) and value < 0 else []


def at_most_all(value: JSON, path: str) -> list[Cause]:
    """A percentage above 100."""
    above = isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:-1]) > 100
    return [invalid(path, value, "must not be greater than 100%")] if above else []


def zero_share(value: JSON) -> bool:
    """Whether a number or percentage stands for none."""
    return value in {0, "0%"} and not isinstance(value, bool)


def address(value: JSON, path: str) -> list[Cause]:
    """Something that is no IP address."""
    try:
        ip_address(str(value))
    except ValueError:
        return [invalid(path, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    return []


def named(value: JSON, path: str) -> list[Cause]:
    """A name that must be there and be a DNS label."""
    if not value:
        return [required(path)]
    return [invalid(path, value, error) for error in naming.label_1123(str(value))]
