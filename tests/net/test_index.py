"""Reading one chart out of a repository's index."""

import pytest

from sym.net.index import Entry, Found, look_up

INDEX = b"""
apiVersion: v1
other: {entries: {demo: [{version: 6.6.6}]}, entry: [a, [b]]}
entries:
  other:
  - {name: other, version: 9.9.9, urls: [x.tgz]}
  demo:
  - name: demo
    version: 1.10
    urls: [charts/demo-1.10.tgz, 5, {}]
    digest: abc
    maintainers: [{name: a}]
    ? [complex]
    : key
  - {name: demo, version: 0.1.0}
  - {name: demo}
  - nonsense
  - {version: [1]}
generated: "2026-01-01T00:00:00Z"
"""


def test_it_gives_the_versions_of_one_chart_as_they_are_written() -> None:
    first = Entry(version="1.10", urls=("charts/demo-1.10.tgz", "5"), digest="abc")
    assert look_up(INDEX, "demo") == Found(entries=(first, Entry(version="0.1.0")))


@pytest.mark.parametrize("text", [INDEX, b"", b"entries: {}", b"entries: [demo2]", b"entries:\n  demo2: {}", b"{}"])
def test_a_chart_that_is_not_there_has_none(text: bytes) -> None:
    assert look_up(text, "demo2") == Found()


def test_an_index_in_json_is_one_too() -> None:
    text = b'{"entries":{"demo":[{"version":"1.0.0","urls":["a.tgz"]}]}}'
    assert look_up(text, "demo").entries == (Entry(version="1.0.0", urls=("a.tgz",)),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"a: &a [x]\nb: *a", "anchors and aliases"),
        (b"a: *a", "anchors and aliases"),
        (b"a: " + b"[" * 50, "nested too deeply"),
        (b"a: [", "not YAML"),
        (b"\xff\xfe\x00\xd8", "not YAML"),
        (b"- a", "expected an object"),
        (b"text", "expected an object"),
        (b"a: 1\n---\nb: 1", "more than one document"),
    ],
)
def test_what_is_refused(text: bytes, told: str) -> None:
    assert told in look_up(text, "demo").refused
