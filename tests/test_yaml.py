"""Kubernetes' scalars. Every vector was compared with kubectl 1.33 (`create --dry-run=client -o json`)."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym import yaml
from sym.model.codec import JSON, DecodeError

SCALARS: list[tuple[str, JSON]] = [
    # booleans of YAML 1.1
    *[(text, True) for text in ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y")],
    *[(text, False) for text in ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N")],
    ("tRUE", "tRUE"),
    ("yEs", "yEs"),
    ("'yes'", "yes"),
    # null
    ("~", None),
    ("null", None),
    ("Null", None),
    ("NULL", None),
    ("", None),
    ("nULL", "nULL"),
    ("''", ""),
    # integers
    ("0", 0),
    ("-0", 0),
    ("12", 12),
    ("+12", 12),
    ("-12", -12),
    ("1_000", 1000),
    ("0777", 511),
    ("-0777", -511),
    ("0o14", 12),
    ("0O14", 12),
    ("0x1F", 31),
    ("0X1f", 31),
    ("-0x1F", -31),
    ("0b101", 5),
    ("-0b101", -5),
    ("9223372036854775807", 2**63 - 1),
    ("18446744073709551615", 2**64 - 1),
    ("-9223372036854775808", -(2**63)),
    # floats; whole ones are integers in JSON
    ("1.5", 1.5),
    ("-1.5", -1.5),
    (".5", 0.5),
    ("1.", 1),
    ("1e3", 1000),
    ("1.5e3", 1500),
    ("1E-2", 0.01),
    ("089", 89),
    ("1_0.5", 10.5),
    ("99999999999999999999", 10**20),
    ("-99999999999999999999", -(10**20)),
    ("1__0", 10),
    ("1_", 1),
    ("0_7", 7),
    ("+.5e3", 500),
    ("1.e3", 1000),
    ("1_e3", 1000),
    ("1e_3", 1000),
    (".5_5", 0.55),
    ("0x_1F", 31),
    ("00", 0),
    ("1e21", 1e21),
    # strings after all
    ("1e400", "1e400"),
    ("._5", "._5"),
    ("-.5.", "-.5."),
    ("1.2.3", "1.2.3"),
    ("_1", "_1"),
    ("0x", "0x"),
    ("0b2", "0b2"),
    ("0o9", "0o9"),
    ("1e", "1e"),
    ("+", "+"),
    ("12:30:45", "12:30:45"),
    ("2020-01-01", "2020-01-01"),
    ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    ("1.2.3.4/24", "1.2.3.4/24"),
    ("100m", "100m"),
    ("1Gi", "1Gi"),
    ("=", "="),
    ("5e-324", 5e-324),
    # explicit tags
    ("!!str 5", "5"),
    ("!!int '5'", 5),
    ("!!timestamp 2020-01-01", "2020-01-01"),
    ("!!binary aGVsbG8=", "hello"),
    ("!foo x", "x"),
    ("0x1p3", "0x1p3"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=repr)
def test_a_scalar(text: str, value: JSON) -> None:
    found = yaml.load(f"a: {text}")
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_keys_are_text() -> None:
    assert yaml.load("{n: 1, 1: 2, 1.5: 3, yes: 4, 0777: 5, '6': 6}") == {
        "false": 1,
        "1": 2,
        "1.5": 3,
        "true": 4,
        "511": 5,
        "6": 6,
    }


def test_merge_keys_merge() -> None:
    text = "base: &b {p: 1, q: 2}\nmore: &m {p: 9, r: 0}\nz:\n  <<: [*b, *m]\n  q: 3\n"
    loaded = yaml.load(text)
    assert isinstance(loaded, dict)
    assert loaded["z"] == {"p": 1, "q": 3, "r": 0}


def test_of_equal_keys_the_last_counts() -> None:
    assert yaml.load("{a: 1, a: 2}") == {"a": 2}


def test_documents() -> None:
    assert list(yaml.load_all("a: 1\n---\n---\nb: 2\n")) == [{"a": 1}, None, {"b": 2}]
    assert yaml.load("") is None
    with pytest.raises(DecodeError, match="more than one"):
        yaml.load("a: 1\n---\nb: 2\n")


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: .inf",
        "a: -.Inf",
        "a: .nan",
        "? [a]\n: b",
        "? {a: b}\n: c",
        "? ~\n: b",
        "a: &x [*x]",
        "a: *x",
        "a: !!int x",
        "a: !!binary @",
        "a: !!binary /w==",
        "\t- a",
        b"\xff\xff",
    ],
)
def test_what_json_cannot_hold_is_refused(text: str | bytes) -> None:
    with pytest.raises(DecodeError):
        yaml.load(text)


def test_an_error_names_the_line_and_no_content() -> None:
    with pytest.raises(DecodeError, match=r"line 2, column 1") as caught:
        yaml.load("password: [s3cret\n")
    assert "s3cret" not in str(caught.value)


def test_aliases_do_not_multiply_the_work() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    loaded = yaml.load(bomb)
    assert isinstance(loaded, dict)
    assert len(loaded) == 60


JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([text for text, _ in SCALARS]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["y", "0777", ""]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSONS)
def test_what_is_dumped_is_read_back(value: JSON) -> None:
    assert yaml.load(yaml.dump(value)) == value


@given(JSONS, st.sampled_from([1, 1e3, 10**20, 1.0, -0.0, 2.5]), st.booleans())
def test_json_is_read_as_the_same_yaml(value: JSON, number: float, ascii_only: bool) -> None:
    text = json.dumps({"a": value, "n": number}, ensure_ascii=ascii_only)
    assert _read(yaml.load, text) == _read(lambda text: next(yaml.load_all(text)), text)


def _read(reader: Callable[[str], JSON], text: str) -> str:
    try:
        return repr(reader(text))
    except DecodeError as error:
        return f"refused: {error}"


@pytest.mark.parametrize("text", ['{"a": 1e400}', '{"a": 99999999999999999999, "b": [1.50, -1E2]}', '{"a": 1, "a": 2}'])
def test_what_json_readers_differ_on_is_read_as_yaml(text: str) -> None:
    (slow,) = yaml.load_all(text)
    assert repr(yaml.load(text)) == repr(slow)


@pytest.mark.parametrize("text", ["{a: 1}", '{"a": 1} # said', '{"a": 1,}', '{"a": yes}'])
def test_flow_style_is_not_taken_for_json(text: str) -> None:
    (slow,) = yaml.load_all(text)
    assert yaml.load(text) == slow


@given(st.text(alphabet="0123456789+-._eExXbBoOnfaAiINF:", max_size=9))
def test_no_number_breaks_the_resolver(text: str) -> None:
    try:
        value = yaml.number(text)
    except DecodeError:
        return
    assert isinstance(value, int | float | str)


def test_dump_quotes_what_would_not_come_back() -> None:
    assert yaml.dump({"a": "on", "b": "0777", "c": "1e3", "d": "text", "n": 1.0}) == (
        "a: 'on'\nb: '0777'\nc: '1e3'\nd: text\n'n': 1.0\n"
    )


@pytest.mark.parametrize(
    ("text", "limits", "phrase"),
    [
        (b"a: 1", yaml.Limits(size=3), "4 bytes"),
        (b"[[[]]]", yaml.Limits(depth=2), "nested too deeply"),
        (b"[a, b, c]", yaml.Limits(nodes=3), "too many parts"),
        (b"a: &x 1", yaml.Limits(), "anchors"),
        (b"a: 1\n---\nb: 1", yaml.Limits(), "more than one document"),
        (b"a: [", yaml.Limits(), "line 2, column 1"),
        (b"\xff\xff", yaml.Limits(), "not YAML"),
    ],
)
def test_check_names_the_limit(text: bytes, limits: yaml.Limits, phrase: str) -> None:
    with pytest.raises(DecodeError, match=phrase):
        yaml.check(text, limits)


def test_check_lets_the_rest_through() -> None:
    yaml.check(b"a: [b, {c: d}]", yaml.Limits(depth=3, nodes=7))
    yaml.check(b"a: &x 1\nb: *x", yaml.Limits(aliases=True))
