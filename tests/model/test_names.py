"""Names: the convention of podSets, groups, label values."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.model import names
from sym.model.names import clean_label_value, group_of, parse_pod_set_name, unit_of

LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("aabb-9000-gz01b-canary", ("aabb-9000", "gz01b", "canary")),
        ("aabb-9000-9000-gz01b123-canary", ("aabb-9000-9000", "gz01b123", "canary")),
        ("aabb-9000--gz01b-canary", ("aabb-9000-", "gz01b", "canary")),
        ("bbcc-rz02-svc", ("bbcc", "rz02", "svc")),
    ],
)
def test_a_conventional_name_has_three_parts(name: str, parts: tuple[str, str, str]) -> None:
    assert parse_pod_set_name(name) == parts


@pytest.mark.parametrize("name", ["aabb-9000-gz01b-canary1", "aabb-canary", "aabb-gz01b", "", "gz01b-canary\n"])
def test_another_name_has_no_parts(name: str) -> None:
    assert parse_pod_set_name(name) is None


@pytest.mark.parametrize(
    ("name", "meta", "group"),
    [
        ("bbcc-gz01b-blue", {}, "blue"),
        ("bbcc-gz01b-green", {"sym-group": "blue"}, "blue"),
        ("bbcc-gz01b-gray", {}, "canary"),
        ("bbcc-gz01b-blue", {"sym-group": "gray"}, "canary"),
        ("bbcc-svc", {}, "svc"),
        ("bbcc", {}, "other"),
        ("blue", {}, "blue"),
        ("bbcc-bluegreen", {}, "other"),
        ("bbcc-gz01b-blue", {"sym-group": "red"}, "red"),
        ("bbcc-gz01b-blue", {"sym-group": ""}, "blue"),
    ],
)
def test_the_group_is_what_meta_says_or_the_last_part_of_the_name(name: str, meta: dict[str, str], group: str) -> None:
    assert group_of(name, meta) == group


def test_the_unit_is_what_meta_says() -> None:
    assert unit_of({names.LDC: "gz01b"}) == "gz01b"
    assert unit_of({}) == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [("v1", "v1"), ("_v1.2-", "v1.2"), ("a/b:c", "a-b-c"), ("x" * 70, "x" * 63), ("-" * 70 + "v1", "v1"), ("___", "")],
)
def test_a_label_value_stays_as_near_to_the_text_as_it_can(text: str, value: str) -> None:
    assert clean_label_value(text) == value


@given(st.text())
def test_a_cleaned_text_is_a_label_value(text: str) -> None:
    value = clean_label_value(text)
    assert LABEL_VALUE.fullmatch(value)
    assert len(value) <= names.MAX_LABEL
    assert clean_label_value(value) == value


def test_an_apps_service_and_back() -> None:
    assert names.service_of("bbcc") == "bbcc-svc"
    assert names.app_of_service("bbcc-svc") == "bbcc"
    assert names.app_of_service("bbcc") == ""
