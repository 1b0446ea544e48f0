"""Facts of releases from what `helm` prints."""

from datetime import UTC, datetime

import pytest

from sym.kube.helm import records
from sym.model.appset import HelmRelease
from sym.model.codec import DecodeError

FIRST = datetime(2026, 11, 27, 14, 11, 17, 705572, tzinfo=UTC)
LAST = datetime(2026, 11, 27, 14, 11, 18, tzinfo=UTC)
RELEASE = HelmRelease(
    release="web", chart="c", chart_version="1.2.3", app_version="4.5", revision=2, status="deployed",
    description="by us, 100 %\n", first_deployed=FIRST, last_deployed=LAST,
)  # fmt: skip


def test_the_answer_of_install() -> None:
    text = b"""{"name":"web","version":2,"namespace":"default","manifest":"---","config":{},
      "info":{"first_deployed":"2026-11-27T14:11:17.705572587Z","last_deployed":"2026-11-27T14:11:18Z","deleted":"",
              "description":"by us, 100 %\\n","status":"deployed","notes":"x"},
      "chart":{"metadata":{"name":"c","version":"1.2.3","apiVersion":"v2","appVersion":"4.5"},"templates":[]}}"""
    assert records.from_json(text) == RELEASE
    with pytest.raises(DecodeError):
        records.from_json(b"Release web has been installed")


def test_the_answer_of_get_all() -> None:
    line = (
        "web 2 deployed by+us%2C+100+%25%0A c 1.2.3 4.5"
        " 2026-11-27T14%3A11%3A17.705572587Z 2026-11-27T16%3A11%3A18%2B02%3A00"
    )
    assert records.from_template(line) == RELEASE
    assert records.from_template("web 2 failed  c 1.2.3   0001-01-01T00%3A00%3A00Z").app_version == ""
    for junk in ("", "web", line.replace(" 2 ", " two "), line + " more"):
        with pytest.raises(ValueError):
            records.from_template(junk)


def test_the_answer_of_history() -> None:
    text = b"""[{"revision":12,"updated":"2026-11-27T14:11:18Z","status":"failed","chart":"c-1.2.3","app_version":"4.5",
      "description":"no"},{"revision":1,"updated":"2026-11-27T14:11:18Z","status":"superseded","chart":"c-1.2.3"}]"""
    first, last = records.from_history(text, "web")
    assert (first.revision, first.first_deployed, first.last_deployed) == (1, LAST, LAST)
    assert (last.revision, last.first_deployed, last.last_deployed) == (12, None, LAST)
    assert (last.release, last.chart, last.chart_version, last.status) == ("web", "c", "1.2.3", "failed")
    with pytest.raises(DecodeError):
        records.from_history(b"{}", "web")


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("web-1.2.3", ("web", "1.2.3")),
        ("web-v1.2.3+build.5", ("web", "v1.2.3+build.5")),
        ("web-2-1.2.3-rc.1", ("web-2", "1.2.3-rc.1")),
        ("my-web-1.2", ("my-web", "1.2")),
        ("web", ("web", "")),
    ],
)
def test_chart_and_version_of_one_word(word: str, parts: tuple[str, str]) -> None:
    assert records.chart_and_version(word) == parts


def test_a_time_that_is_none() -> None:
    assert [records.moment(text) for text in ("", "yesterday", "2026-11-27T14:11:18", "0001-01-01T00:00:00Z")] == [
        None
    ] * 4
