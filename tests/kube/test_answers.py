"""What an answer of a server means, on literals; most bodies were taken from a kube-apiserver 1.34."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.kube.answers import error_of, error_of_event, printable, status_of
from sym.kube.errors import (
    AlreadyExists,
    Conflict,
    FieldConflict,
    Forbidden,
    Gone,
    Invalid,
    Junk,
    KubeError,
    NotFound,
    NotServed,
    ServerError,
    TimedOut,
    TooLarge,
    TooManyRequests,
    Unauthorized,
)
from sym.kube.requests import Request
from sym.model.codec import JSON, JSONMap, encode
from tests.kube.scripted import failure

GET = Request(method="GET", path="/api/v1/configmaps", headers={"Authorization": "Bearer s3cret"}, body=b"s3cret")
CONFLICT: JSONMap = {"field": ".data.k", "message": 'conflict with "d"', "reason": "FieldManagerConflict"}
AHEAD: JSONMap = {"message": "Too large resource version", "reason": "ResourceVersionTooLarge"}


@pytest.mark.parametrize(
    ("code", "reason", "details", "kind"),
    [
        (400, "BadRequest", {}, Invalid),
        (401, "Unauthorized", {}, Unauthorized),
        (403, "Forbidden", {}, Forbidden),
        (404, "NotFound", {"name": "a", "kind": "configmaps"}, NotFound),
        (404, "NotFound", {}, NotServed),  # "the server could not find the requested resource"
        (405, "MethodNotAllowed", {}, NotServed),
        (406, "NotAcceptable", {}, NotServed),
        (409, "Conflict", {"name": "a"}, Conflict),
        (409, "Conflict", {"causes": [CONFLICT]}, FieldConflict),
        (409, "AlreadyExists", {"name": "a"}, AlreadyExists),
        (410, "Expired", {}, Gone),
        (410, "Gone", {}, Gone),
        (413, "RequestEntityTooLarge", {}, TooLarge),
        (415, "UnsupportedMediaType", {}, Invalid),
        (422, "Invalid", {"name": "a"}, Invalid),
        (429, "TooManyRequests", {}, TooManyRequests),
        (500, "InternalError", {}, ServerError),
        (500, "", {}, ServerError),
        (503, "ServiceUnavailable", {}, ServerError),
        (504, "Timeout", {}, TimedOut),
        (504, "Timeout", {"causes": [AHEAD]}, Gone),
        (418, "Teapot", {}, Junk),
    ],
)
def test_a_status(code: int, reason: str, details: dict[str, JSON], kind: type[KubeError]) -> None:
    error = error_of(GET, code, {}, encode(failure(code, reason, "the message", **details)))
    assert type(error) is kind
    assert "the message" in error.message
    assert error.status.code == code
    assert "s3cret" not in str(error)


def test_the_servers_word_is_kept() -> None:
    body = encode(failure(409, "Conflict", "no", name="a", kind="configmaps", causes=[CONFLICT]))
    status = error_of(GET, 409, {}, body).status
    assert status.details.name == "a"
    assert [(cause.field, cause.reason) for cause in status.details.causes] == [(".data.k", "FieldManagerConflict")]


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [
        ({"retry-after": "7"}, {}, 7.0),
        ({"retry-after": "-7"}, {}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, {"retryAfterSeconds": 3}, 3.0),
        ({"retry-after": "inf"}, {}, 0.0),
        ({}, {"retryAfterSeconds": 4}, 4.0),
        ({}, {}, 0.0),
    ],
)
def test_retry_after(headers: dict[str, str], details: dict[str, JSON], seconds: float) -> None:
    error = error_of(GET, 429, headers, encode(failure(429, "TooManyRequests", "slow down", **details)))
    assert isinstance(error, TooManyRequests)
    assert error.retry_after == seconds


@pytest.mark.parametrize("code", [300, 301, 302, 307, 308, 399])
def test_a_redirect_is_junk(code: int) -> None:
    assert isinstance(error_of(GET, code, {"location": "https://evil"}, b""), Junk)


@pytest.mark.parametrize(
    "body", [b"", b"404 page not found\n", b"{}", b"[]", b'{"kind":"Pod"}', b'{"kind":"Status","code":"x"}']
)
def test_without_a_status_the_code_decides(body: bytes) -> None:
    assert type(error_of(GET, 404, {}, body)) is NotServed
    assert type(error_of(GET, 503, {}, body)) is ServerError
    assert status_of(body) is None


def test_an_error_event() -> None:
    assert isinstance(error_of_event("configmaps", encode(failure(410, "Expired"))), Gone)
    assert isinstance(error_of_event("configmaps", encode(failure(0, "Strange"))), ServerError)
    assert isinstance(error_of_event("configmaps", b"{}"), Junk)


def test_words_of_a_server_are_made_fit_for_a_log() -> None:
    assert printable("a\x1b[31m\nb") == "a [31m b"
    assert len(printable("x" * 5000)) == 1025
    message = error_of(GET, 500, {}, encode(failure(500, "InternalError", "a\nERROR forged"))).message
    assert "\n" not in message


@given(st.integers(300, 599), st.binary(max_size=80), st.dictionaries(st.just("retry-after"), st.text(max_size=5)))
def test_every_answer_has_an_error(code: int, body: bytes, headers: dict[str, str]) -> None:
    assert error_of(GET, code, headers, body).message


@pytest.mark.parametrize(
    "message",
    [
        "failed to create typed patch object (default/a; apps/v1, Kind=Deployment): .spec.foo: field not declared",
        "failed to convert new object (default/a; apps/v1, Kind=Deployment) to proper version: unable to convert",
    ],
)
def test_an_apply_that_fits_no_schema_is_invalid_although_servers_say_500(message: str) -> None:
    body = {"kind": "Status", "status": "Failure", "message": message, "code": 500}
    assert type(error_of(GET, 500, {}, encode(body))) is Invalid
