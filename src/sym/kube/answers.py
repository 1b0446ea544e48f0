"""What an API server's answer means: from status code, headers and body to a `KubeError`, without any I/O.

Every client (HTTPS, one-shot, in-process) passes what is not a 2xx through `error_of`, so all fail alike. Messages are
built from the server's Status, shortened, and the request's method and path; never from headers or from our own body.
"""

import contextlib
from collections.abc import Mapping

import msgspec

from sym.kube.errors import (
    BY_REASON,
    Cause,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    Junk,
    KubeError,
    NotServed,
    ServerError,
    Status,
    StatusDetails,
    TimedOut,
    TooLarge,
    TooManyRequests,
    Unauthorized,
)
from sym.kube.requests import Request

_BY_CODE: Mapping[int, type[KubeError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotServed,
    405: NotServed,
    406: NotServed,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
    501: NotServed,
    504: TimedOut,
}
_TOO_LARGE_VERSION = "ResourceVersionTooLarge"
_FIELD_CONFLICT = "FieldManagerConflict"
_MESSAGE_LIMIT = 1024  # characters of a server's message that we repeat


class _Status(msgspec.Struct, frozen=True):
    kind: str = ""
    code: int = 0
    reason: str | None = ""
    message: str | None = ""
    details: StatusDetails | None = None


_UNFIT = ("failed to create typed patch object", "failed to convert new object")
"""How kube-apiserver 1.34 begins its 500 for an apply that does not fit the kind's schema (an unknown field, a number
for a text, a key twice, a quantity that is none): the sender's fault, which no repetition mends."""


def error_of(request: Request, code: int, headers: Mapping[str, str], body: bytes) -> KubeError:
    """The error that an answer other than 2xx stands for. `headers` with lower-case names."""
    where = f"{request.method} {request.path}"
    if 300 <= code < 400:
        return Junk(
            f"{where}: the server redirects elsewhere ({code}); Sym follows no redirects, name the real address"
        )
    found = status_of(body)
    if found is None:
        return _make(_class_of(code, ""), f"{where}: the server answered {code}", Status(code=code), headers)
    status = found if found.code else msgspec.structs.replace(found, code=code)
    said = status.message or status.reason or f"code {code}"
    return _make(_class_of(code, _reason(status)), f"{where}: {said}", status, headers)


def error_of_event(path: str, body: bytes) -> KubeError:
    """The error that an ERROR event of a watch stands for: its object is a Status, or should be."""
    status = status_of(body)
    if status is None:
        return Junk(f"watch {path}: the server sent an ERROR event without a Status")
    kind = _class_of(status.code or 500, _reason(status))
    return _make(kind, f"watch {path}: {status.message or status.reason}", status, {})


def status_of(body: bytes) -> Status | None:
    """The metav1.Status in `body`, its message shortened and made printable; None where there is none."""
    try:
        found = msgspec.json.decode(body, type=_Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found.kind != "Status":
        return None
    details = found.details or StatusDetails()
    causes = tuple(Cause(c.field, printable(c.message), c.reason) for c in details.causes[:64])
    details = msgspec.structs.replace(details, causes=causes)
    return Status(found.code, found.reason or "", printable(found.message or ""), details)


def printable(text: str) -> str:
    """`text` from another machine, fit for a log line or a condition: no control characters, at most 1,024 long."""
    cut = text if len(text) <= _MESSAGE_LIMIT else text[:_MESSAGE_LIMIT] + "…"
    return "".join(char if char.isprintable() else " " for char in cut)


def retry_after(headers: Mapping[str, str], status: Status) -> float:
    """Seconds that the server asks us to wait; 0 where it names none or speaks of a date."""
    with contextlib.suppress(ValueError):
        return max(0.0, float(int(headers.get("retry-after", ""))))
    return float(max(0, status.details.retry_after_seconds))


def _reason(status: Status) -> str:
    """The reason, or a finer one that servers put into causes or text."""
    causes = {cause.reason for cause in status.details.causes}
    if _TOO_LARGE_VERSION in causes:
        return "Gone"
    if _FIELD_CONFLICT in causes:
        return _FIELD_CONFLICT
    if status.message.startswith("Too large resource version"):  # servers before 1.19 give no cause
        return "Gone"
    if status.code == 500 and status.message.startswith(_UNFIT):
        return "Invalid"
    if status.reason == "NotFound" and not status.details.name:  # of the whole kind, not of one object
        return "MethodNotAllowed"
    return status.reason


def _class_of(code: int, reason: str) -> type[KubeError]:
    if reason in BY_REASON:
        return BY_REASON[reason]
    return _BY_CODE.get(code, ServerError if code >= 500 else Junk)


def _make(kind: type[KubeError], message: str, status: Status, headers: Mapping[str, str]) -> KubeError:
    if kind is TooManyRequests:
        return TooManyRequests(message, status, retry_after(headers, status))
    return kind(message, status)
