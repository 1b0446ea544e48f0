"""The order of versions, as semver.org tells it."""

import pytest

from sym.net.semver import Version, newest_first

ORDER = [
    "0.9.10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
    "1.0.0-rc.1", "1.0.0", "1.0.1", "v1.2", "1.10.0", "2",
]  # fmt: skip


def test_versions_are_ordered_by_their_numbers_and_words() -> None:
    assert newest_first([*reversed(ORDER), "latest", "2.0.0.0"]) == ORDER[::-1]


@pytest.mark.parametrize("text", ["", "^1.2", "1.x", "01.0.0", "1.0.0-", ">1", "1 ", "1.0.0\n", "1." + "9" * 200, "a"])
def test_what_is_no_version(text: str) -> None:
    assert Version.parse(text) is None


def test_a_version_before_its_release_is_not_stable() -> None:
    one, other = Version.parse("1.0.0-rc.1"), Version.parse("1.0.0+build.5")
    assert one is not None
    assert other is not None
    assert (one.stable, other.stable) == (False, True)
    assert one < other
