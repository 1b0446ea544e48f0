"""Versions as people read them: naturally sorted, joined by `/`. Source: semantics.md 5, contract.md 6.3."""

import re
from collections.abc import Iterable

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(text: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """A sort key under which v9 is before v10. Equal numbers (v1, v01) fall back to the text, so the order is total."""
    parts = _DIGITS.split(text)
    numbers = [*map(int, parts[1::2]), -1]
    return tuple(zip(parts[0::2], numbers, strict=True)), text


def union_versions(texts: Iterable[str]) -> str:
    """All versions in `texts`, each perhaps several joined by `/`: unique, naturally sorted, joined by `/`."""
    tokens = {token.strip() for text in texts for token in text.split("/")} - {""}
    return "/".join(sorted(tokens, key=natural_key))
