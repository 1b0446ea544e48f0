"""Versions of charts, ordered as semver.org says. Helm also takes `1.2` and `v1.2.3`, and so does this."""

import re
from functools import total_ordering
from typing import TypeAlias

from msgspec import Struct

from sym.net.errors import ChartNotFound

_NUMBER = r"(0|[1-9][0-9]{0,17})"
_WORDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_SHAPE = re.compile(rf"v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?(?:-({_WORDS}))?(?:\+{_WORDS})?")
_Key: TypeAlias = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]


@total_ordering
class Version(Struct, frozen=True, eq=True):
    """One version. Build metadata (`+…`) does not count in the order; the text only makes it total."""

    key: _Key
    text: str

    @property
    def stable(self) -> bool:
        """Whether it is no pre-release."""
        return self.key[3] == 1

    @classmethod
    def parse(cls, text: str) -> "Version | None":
        """None where `text` is no version, a constraint such as `^1.2` among them."""
        if len(text) > 128 or (match := _SHAPE.fullmatch(text)) is None:
            return None
        major, minor, patch = (int(match[group] or 0) for group in (1, 2, 3))
        words = tuple(_word(word) for word in match[4].split(".")) if match[4] else ()
        return cls((major, minor, patch, 0 if words else 1, words), text)

    def __lt__(self, other: "Version") -> bool:
        return (self.key, self.text) < (other.key, other.text)


def newest_first(texts: list[str]) -> list[str]:
    """Those of `texts` that are versions, the newest first."""
    known = {found for text in texts if (found := Version.parse(text)) is not None}
    return [version.text for version in sorted(known, reverse=True)]


def pick_newest(versions: list[str]) -> str:
    """The newest that is no pre-release, of `versions` in any order. Raises ChartNotFound."""
    stable = [text for text in newest_first(versions) if (found := Version.parse(text)) is not None and found.stable]
    if not stable:
        raise ChartNotFound(
            "there are only pre-releases; name one of them as chartVersion", tuple(newest_first(versions))
        )
    return stable[0]


def _word(word: str) -> tuple[int, int, str]:
    """Numbers come before words."""
    return (0, int(word), "") if word.isdigit() and len(word) <= 18 else (1, 0, word)
