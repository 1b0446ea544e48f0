"""Ages as kubectl prints them, and the paths of printer columns."""

from datetime import UTC, datetime

import pytest

from sym.model.codec import JSON, JSONMap
from sym.sandbox.cellparts import age, duration
from sym.sandbox.cells import at_path

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (9 * MINUTE + 5, "9m5s"),
        (10 * MINUTE + 5, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (8 * DAY + 23 * HOUR, "8d"),
        (2 * 365 * DAY - 1, "729d"),
        (2 * 365 * DAY, "2y"),
        (2 * 365 * DAY + DAY, "2y1d"),
        (8 * 365 * DAY + DAY, "8y"),
    ],
)
def test_ages_get_coarser_as_they_grow(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_an_age_needs_a_time() -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert age("2026-01-01T00:00:00Z", now) == "60s"
    assert age("2026-01-01T00:00:00.500000Z", now) == "59s"
    assert age("", now) == age("soon", now) == "<unknown>"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.size", 3),
        (".items[1].name", "b"),
        (".metadata.labels.example\\.com/team", "x"),
        (".metadata.labels['example.com/team']", "x"),
        (".spec.none.deeper", None),
        (".items[7]", None),
    ],
)
def test_a_column_finds_its_value(path: str, found: JSON) -> None:
    labels: JSONMap = {"labels": {"example.com/team": "x"}}
    obj: JSONMap = {"spec": {"size": 3}, "items": [{"name": "a"}, {"name": "b"}], "metadata": labels}
    assert at_path(obj, path) == found
