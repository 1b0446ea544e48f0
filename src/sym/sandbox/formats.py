"""The string formats that API servers check in custom resources. Formats that they do not know are anything."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from ipaddress import IPv4Address, IPv6Address, ip_interface
from urllib.parse import urlsplit

_UUID = r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[%s][0-9a-f]{3}-?[%s][0-9a-f]{3}-?[0-9a-f]{12}"
_HEX, _VARIANT = "0-9a-f", "89ab"
_LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"
_UNIT = r"(?:ns|us|µs|μs|ms|s|m|h|d|w|nanos?|micros?|millis?|secs?|seconds?|mins?|minutes?|hours?|hrs?|days?|weeks?)"


def is_format(name: str, value: str) -> bool:
    """Whether `value` has the format. True for a format that servers do not check."""
    check = _CHECKS.get(name.replace("-", ""))
    if check is None:
        return True
    with suppress(ValueError, binascii.Error):
        return check(value)
    return False


def _matches(expression: str) -> Callable[[str], bool]:
    compiled = re.compile(expression)
    return lambda value: compiled.fullmatch(value) is not None


def _is_date_time(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?", value):
        return False
    datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
    return True


def _is_date(value: str) -> bool:
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)) and bool(date.fromisoformat(value))


def _is_byte(value: str) -> bool:
    base64.b64decode(value, validate=True)
    return True


def _is_uri(value: str) -> bool:
    parts = urlsplit(value)
    return bool(parts.scheme) or value.startswith("/")


def _is_hostname(value: str) -> bool:
    return len(value) <= 255 and bool(re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*\.?", value))


def _is_ipv4(value: str) -> bool:
    return bool(IPv4Address(value))


def _is_ipv6(value: str) -> bool:
    return bool(IPv6Address(value))


def _is_cidr(value: str) -> bool:
    return "/" in value and bool(ip_interface(value))


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "datetime": _is_date_time,
    "date": _is_date,
    "duration": _matches(rf"[-+]?(?:0|(?:\d+(?:\.\d*)?|\.\d+) ?{_UNIT})+"),
    "byte": _is_byte,
    "uri": _is_uri,
    "email": _matches(r"[^@\s]+@[^@\s]+"),
    "hostname": _is_hostname,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "cidr": _is_cidr,
    "mac": _matches(r"(?i)[0-9a-f]{2}([:-][0-9a-f]{2}){5}"),
    "uuid": _matches(_UUID % (_HEX, _HEX)),
    "uuid3": _matches(_UUID % ("3", _HEX)),
    "uuid4": _matches(_UUID % ("4", _VARIANT)),
    "uuid5": _matches(_UUID % ("5", _VARIANT)),
    "hexcolor": _matches(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
}
