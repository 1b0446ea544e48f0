"""What an analysis may not be, each with its place and what to do; and the paths to one value in a document."""

import pytest
from msgspec.structs import replace

from sym.model.codec import JSON
from sym.model.jsonpath import JsonPathError, look_up, parse_json_path
from sym.model.rollout import Analysis, HttpQuery, PrometheusQuery
from sym.model.validate_analysis import analysis_problems

ASK = PrometheusQuery(address="https://prometheus.example.com", query="up")
GET = HttpQuery(url="http://10.0.0.1:8080/health", json_path="$.errors")
GOOD = Analysis(name="errors", prometheus=ASK, max=1)


def told(*analyses: Analysis) -> list[str]:
    """The problems as texts."""
    return [str(each) for each in analysis_problems(analyses, "spec.a")]


def test_what_is_good_is_no_problem() -> None:
    assert told(GOOD, Analysis(name="health", http=GET, min=0, max=0, interval_seconds=1, count=1)) == []


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (replace(GOOD, prometheus=None), "spec.a[0]: analysis errors needs exactly one source"),
        (replace(GOOD, http=GET), "spec.a[0]: analysis errors needs exactly one source"),
        (replace(GOOD, max=None), "spec.a[0]: analysis errors has no bounds"),
        (replace(GOOD, min=2), "spec.a[0].min: 2 is over max, 1"),
        (replace(GOOD, interval_seconds=0), "spec.a[0].intervalSeconds: 0 is too little"),
        (replace(GOOD, count=0), "spec.a[0].count: 0 is too little"),
        (replace(GOOD, prometheus=replace(ASK, query=" ")), "spec.a[0].prometheus.query: it is empty"),
        (replace(GOOD, prometheus=replace(ASK, address="ftp://x")), "spec.a[0].prometheus.address: this is no address"),
        (
            replace(GOOD, prometheus=replace(ASK, address="https://")),
            "spec.a[0].prometheus.address: this is no address",
        ),
        (
            replace(GOOD, prometheus=replace(ASK, address="http://a:b:c/")),
            "spec.a[0].prometheus.address: this is no address",
        ),
        (
            replace(GOOD, prometheus=replace(ASK, address="https://joe:secret@x")),
            "spec.a[0].prometheus.address: it holds a user or a password",
        ),
        (
            replace(GOOD, prometheus=None, http=replace(GET, json_path="errors")),
            "spec.a[0].http.jsonPath: 'errors' must begin with $",
        ),
        (
            replace(GOOD, prometheus=None, http=replace(GET, url="secret")),
            "spec.a[0].http.url: this is no address",
        ),
    ],
)
def test_what_is_bad_is_told_with_its_place(bad: Analysis, expected: str) -> None:
    (problem,) = told(bad)
    assert problem.startswith(expected)
    assert "secret" not in problem


def test_two_of_one_name() -> None:
    assert told(GOOD, GOOD) == ["spec.a[1].name: errors is there already: give each analysis its own name"]


DOCUMENT: JSON = {"data": {"a b": [10, {"rate": 0.5}]}, "n": None}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DOCUMENT),
        ("$.data['a b'][0]", 10),
        ('$.data["a b"][1].rate', 0.5),
        ("$.data['a b'][-1].rate", 0.5),
        ("$.data['a b'][2]", None),
        ("$.data['a b'].rate", None),
        ("$.data[0]", None),
        ("$.n", None),
        ("$.nothing.at.all", None),
    ],
)
def test_a_path_names_one_value(path: str, value: JSON) -> None:
    assert look_up(DOCUMENT, parse_json_path(path)) == value


@pytest.mark.parametrize("path", ["", "data", "$.", "$..a", "$.*", "$[*]", "$[0:2]", "$[?(@.a)]", "$.a b", "$['a'"])
def test_what_would_name_several_values_is_refused(path: str) -> None:
    with pytest.raises(JsonPathError):
        parse_json_path(path)
