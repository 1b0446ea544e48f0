"""Resource quantities (`500m`, `1Gi`): parsed exactly, and written the one way in which servers store them."""

import re
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache
from typing import Final

_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_FORM: Final = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE]?)")
_MILLI: Final = Decimal("1e-3")
_MOST: Final = 2**63 - 1
_EXACT: Final = Context(prec=100)

PATTERN: Final = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
"""The expression that the server's refusal names."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Decimal:
    """The number that a quantity stands for. Raises ValueError."""
    number, suffix = _split(text)
    if suffix in _BINARY:
        return _EXACT.multiply(number, Decimal(1024 ** _BINARY.index(suffix)))
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    return number.scaleb(exponent, _EXACT)


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The server's spelling: no fraction, the largest suffix that keeps the number whole. Raises ValueError.

    Rounded up to thousandths, as servers do in lists of resources; binary ones end at 64 bits.
    """
    suffix = _split(text)[1]
    value = parse(text)
    up = abs(value).quantize(_MILLI, ROUND_CEILING, _EXACT)
    rounded = up if value >= 0 else -up
    if suffix in _BINARY[1:] and abs(rounded) >= 1024 and rounded == int(rounded):
        return _binary(max(-_MOST, min(int(rounded), _MOST)))
    scientific = suffix[:1] in {"e", "E"} and len(suffix) > 1
    return _decimal(rounded, scientific=scientific)


def _split(text: str) -> tuple[Decimal, str]:
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"quantities must match the regular expression '{PATTERN}'")
    return Decimal(found.group(1)), found.group(2)


def _binary(value: int) -> str:
    power = 0
    while value and value % 1024 == 0 and power < len(_BINARY) - 1:
        value //= 1024
        power += 1
    return f"{value}{_BINARY[power]}"


def _decimal(value: Decimal, *, scientific: bool) -> str:
    if not value:
        return "0"
    exponent = -3
    whole = int(value.scaleb(3, _EXACT))
    while whole % 1000 == 0 and exponent < 18:
        whole //= 1000
        exponent += 3
    if scientific:
        return f"{whole}e{exponent}" if exponent else str(whole)
    return f"{whole}{next(suffix for suffix, power in _DECIMAL.items() if power == exponent)}"
