"""Bytes from a server that may be hostile: unpacked and cut into lines, never beyond a limit.

Pure: feed bytes, get bytes. The HTTP clients switch off their libraries' own decompression and use this, because only
here the limit holds while a gzip bomb is being unpacked, not after.
"""

import zlib

from sym.kube.errors import Junk, TooLarge

_GZIP = 16 + zlib.MAX_WBITS


class Body:
    """A whole answer, collected piece by piece. `encoding` is the answer's Content-Encoding."""

    def __init__(self, where: str, encoding: str, limit: int) -> None:
        if encoding not in ("", "identity", "gzip"):
            raise Junk(f"{where}: the answer is packed in a way that was not asked for")
        self._where = where
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []
        self._inflate = zlib.decompressobj(_GZIP) if encoding == "gzip" else None

    def feed(self, data: bytes) -> None:
        """Take one piece as received. Raises TooLarge, or Junk for broken gzip."""
        if self._inflate is None:
            self._keep(data)
            return
        while data:
            try:
                # one byte more than is allowed is enough to know
                self._keep(self._inflate.decompress(data, self._limit - self._size + 1))
            except zlib.error:
                raise Junk(f"{self._where}: the answer's gzip is broken") from None
            data = self._inflate.unconsumed_tail

    def whole(self) -> bytes:
        """All of it. Raises Junk where gzip ends too soon."""
        if self._inflate is not None and not self._inflate.eof:
            raise Junk(f"{self._where}: the answer's gzip ends too soon")
        return b"".join(self._parts)

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise TooLarge(f"{self._where}: the answer is larger than the {self._limit} bytes that Sym takes")
        self._parts.append(data)


class Lines:
    """A stream cut into lines. Empty lines are skipped, as API servers mean nothing by them."""

    def __init__(self, where: str, limit: int) -> None:
        self._where = where
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes. Raises TooLarge for a line above the limit."""
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            self._rest += data
            self._check(len(self._rest))
            return []
        self._rest += head
        lines = bytes(self._rest).split(b"\n")
        self._rest = bytearray(tail)
        self._check(max(len(tail), *(len(line) for line in lines)))
        return [line for line in lines if line.strip()]

    def last(self) -> list[bytes]:
        """What stands after the last newline when the stream has ended."""
        return [bytes(self._rest)] if self._rest.strip() else []

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise TooLarge(
                f"{self._where}: one line of the stream is longer than the {self._limit} bytes that Sym takes"
            )
