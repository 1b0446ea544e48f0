"""Protobuf's wire format: the numbered fields of a message, without any knowledge of what they mean.

Pure. Groups, which nothing of Kubernetes has, are refused.
"""

import struct
from typing import Final, TypeAlias

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
END: Final = 4
FIXED32: Final = 5
Value: TypeAlias = int | bytes
"""What a field holds: the number of a varint (unsigned), the bytes of every other type."""
_LONGEST: Final = 10
"""Bytes of a 64-bit varint at most."""
_FIXED: Final = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """Bytes that are no protobuf message; says why, as the servers' decoder does."""


class Reader:
    """Walks through a message: while there is `more`, a `tag` and then the `value` of its wire type."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        """Whether something is left."""
        return self._at < len(self._data)

    def tag(self) -> tuple[int, int]:
        """The number and the wire type of the next field. Raises WireError."""
        tag = self.varint()
        return tag >> 3, tag & 7

    def value(self, type_: int) -> Value:
        """The value of a field of that type. Raises WireError."""
        if type_ == VARINT:
            return self.varint()
        size = self.varint() if type_ == BYTES else _FIXED.get(type_)
        if size is None:
            raise WireError(f"proto: illegal wireType {type_}")
        begin, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise WireError("unexpected EOF")
        return self._data[begin : self._at]

    def varint(self) -> int:
        """A number, as it stands in packed fields too. Raises WireError."""
        found = 0
        for index, byte in enumerate(self._data[self._at : self._at + _LONGEST]):
            found |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                self._at += index + 1
                return found & 0xFFFF_FFFF_FFFF_FFFF
        raise WireError("proto: integer overflow" if len(self._data) - self._at >= _LONGEST else "unexpected EOF")


def signed(number: int, bits: int) -> int:
    """A varint as the signed integer of that size: what is above is cut off."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def double(data: bytes) -> float:
    """A fixed64 as a float."""
    found: float = struct.unpack("<d", data)[0]
    return found
