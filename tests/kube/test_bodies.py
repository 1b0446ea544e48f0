"""Unpacking and cutting within limits, however the bytes come."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.kube.bodies import Body, Lines
from sym.kube.errors import Junk, TooLarge


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """`data` in pieces of the given sizes, the rest at once."""
    pieces: list[bytes] = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(st.binary(max_size=300), st.lists(st.integers(0, 40), max_size=8), st.booleans())
def test_a_body_is_what_was_sent(data: bytes, sizes: list[int], packed: bool) -> None:
    body = Body("x", "gzip" if packed else "", 300)
    for piece in cut(gzip.compress(data) if packed else data, sizes):
        body.feed(piece)
    assert body.whole() == data


@given(st.integers(1, 5000), st.booleans())
def test_one_byte_too_many_is_too_many(size: int, packed: bool) -> None:
    body = Body("x", "gzip" if packed else "identity", size - 1)
    with pytest.raises(TooLarge, match=f"{size - 1} bytes"):
        body.feed(gzip.compress(bytes(size)) if packed else bytes(size))


def test_unknown_packings_and_broken_gzip_are_junk() -> None:
    with pytest.raises(Junk):
        Body("x", "deflate", 10)
    with pytest.raises(Junk):
        Body("x", "gzip", 10).feed(b"no gzip")
    with pytest.raises(Junk):
        Body("x", "gzip", 10).whole()


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=8), st.lists(st.integers(0, 9)))
def test_lines_are_what_was_sent(sent: list[bytes], sizes: list[int]) -> None:
    lines = Lines("x", 20)
    got = [line for piece in cut(b"\n".join(sent), sizes) for line in lines.feed(piece)] + lines.last()
    assert got == [line for line in sent if line.strip()]


@pytest.mark.parametrize("pieces", [[b"x" * 21], [b"x" * 20, b"x"], [b"a\n" + b"x" * 21 + b"\n"], [b"a\n" + b"x" * 21]])
def test_a_line_too_long_is_refused_before_it_ends(pieces: list[bytes]) -> None:
    lines = Lines("x", 20)
    *first, last = pieces
    for piece in first:
        lines.feed(piece)
    with pytest.raises(TooLarge):
        lines.feed(last)
