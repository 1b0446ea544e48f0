"""Protobuf's wire format: the numbered fields of a message, without any knowledge of what they mean.

Pure. Groups, which nothing of Kubernetes has, are refused.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
END: Final = 4
FIXED32: Final = 5
_LONGEST: Final = 10
"""Bytes of a 64-bit varint at most."""
_FIXED: Final = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """Bytes that are no protobuf message; says why, as the servers' decoder does."""


class Raw(NamedTuple):
    """One field as it stands: `number` of a varint (unsigned), `data` of every other type."""

    field: int
    type: int
    number: int
    data: bytes


def fields(data: bytes, check: Callable[[int, int], None] | None = None) -> Iterator[Raw]:
    """The fields of a message in their order. `check` sees each number and wire type before the value is read, as the
    servers' decoder looks at them. Raises WireError."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        field, type_ = tag >> 3, tag & 7
        if check is not None:
            check(field, type_)
        if type_ == VARINT:
            number, at = _varint(data, at)
            yield Raw(field, type_, number, b"")
            continue
        size, at = _varint(data, at) if type_ == BYTES else (_fixed(type_), at)
        if at + size > len(data):
            raise WireError("unexpected EOF")
        yield Raw(field, type_, 0, data[at : at + size])
        at += size


def varints(data: bytes) -> Iterator[int]:
    """The numbers of a packed field. Raises WireError."""
    at = 0
    while at < len(data):
        number, at = _varint(data, at)
        yield number


def signed(number: int, bits: int) -> int:
    """A varint as the signed integer of that size: what is above is cut off."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def double(data: bytes) -> float:
    """A fixed64 as a float."""
    found: float = struct.unpack("<d", data)[0]
    return found


def _fixed(type_: int) -> int:
    size = _FIXED.get(type_)
    if size is None:
        raise WireError(f"proto: illegal wireType {type_}")
    return size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index in range(_LONGEST):
        if at + index >= len(data):
            raise WireError("unexpected EOF")
        byte = data[at + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, at + index + 1
    raise WireError("proto: integer overflow")
