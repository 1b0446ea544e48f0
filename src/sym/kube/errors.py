"""What can go wrong with one cluster's API, as one tree that says what the caller should do.

    KubeError
    ├─ Retryable                      try again later, with backoff
    │  ├─ Unreachable                 no answer: refused, reset, TLS, DNS, silent peer
    │  │  └─ TimedOut                 no answer within the time given
    │  ├─ TooManyRequests             429: wait `retry_after` seconds first
    │  ├─ ServerError                 5xx
    │  └─ Stale                       an answer older than one that we had before
    ├─ Conflict                       409: look again, then decide anew
    │  ├─ AlreadyExists               create of a name that is taken
    │  └─ FieldConflict               apply: another manager owns a field
    ├─ NotFound                       404: the object; never a reason to delete anything by itself
    ├─ Gone                           410: the resourceVersion or the continue token is too old; list again
    ├─ CredentialProblem              the cluster may be well, we may not speak to it
    │  ├─ Unauthorized                401
    │  ├─ Forbidden                   403
    │  ├─ Untrusted                   the server's certificate does not verify
    │  └─ BadKubeconfig               the kubeconfig itself is broken, or asks for what Sym refuses
    ├─ Invalid                        400, 415, 422: the object itself is refused; trying again is of no use
    ├─ TooLarge                       413, or an answer above our byte limits
    ├─ NotServed                      404 of a whole resource, 405, 501: this server does not know the kind or verb
    └─ Junk                           an answer that is not what Kubernetes answers

No aiohttp name leaves `kube`. No message holds a header, a token or a request body.
"""

from collections.abc import Mapping

import msgspec


class Cause(msgspec.Struct, frozen=True):
    """One field that the server refused."""

    field: str = ""
    message: str = ""
    reason: str = ""


class StatusDetails(msgspec.Struct, frozen=True, rename="camel"):
    """The `details` of a Status answer."""

    name: str = ""
    kind: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after_seconds: int = 0


class Status(msgspec.Struct, frozen=True):
    """metav1.Status: how API servers say no."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: StatusDetails = StatusDetails()


class KubeError(Exception):
    """The root. `status` is the server's own word where there was one."""

    def __init__(self, message: str, status: Status | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status or Status(message=message)


class Retryable(KubeError):
    """Trying again later may help."""


class Unreachable(Retryable):
    """No answer: refused, reset, unresolvable, silent."""


class TimedOut(Unreachable):
    """No answer within the time given."""


class TooManyRequests(Retryable):
    """429. `retry_after` in seconds, 0 where the server named none."""

    def __init__(self, message: str, status: Status | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after


class ServerError(Retryable):
    """5xx."""


class Stale(Retryable):
    """An answer older than one that we had before: a replica that lags, or a server put back to a backup."""


class Conflict(KubeError):
    """409: what the write relied on has changed."""


class AlreadyExists(Conflict):
    """409 of a create: the name is taken."""


class FieldConflict(Conflict):
    """409 of an apply: another manager owns a field. The causes name manager and field."""


class NotFound(KubeError):
    """404 of one object."""


class Gone(KubeError):
    """410: resourceVersion or continue token too old (also "too large resource version")."""


class CredentialProblem(KubeError):
    """The server does not take our credentials, or we do not take its certificate."""


class Unauthorized(CredentialProblem):
    """401."""


class Forbidden(CredentialProblem):
    """403."""


class Untrusted(CredentialProblem):
    """The server's certificate does not verify against the CA that the kubeconfig names."""


class BadKubeconfig(CredentialProblem):
    """A kubeconfig that Sym cannot or will not use. The sentence says where and what to do."""


class Invalid(KubeError):
    """400, 415, 422: refused for what it says."""


class TooLarge(KubeError):
    """413, or an answer above our own byte limits."""


class NotServed(KubeError):
    """The server does not know this kind, verb or media type."""


class Junk(KubeError):
    """An answer that is not Kubernetes'."""


BY_REASON: Mapping[str, type[KubeError]] = {
    "AlreadyExists": AlreadyExists,
    "Conflict": Conflict,
    "FieldManagerConflict": FieldConflict,
    "NotFound": NotFound,
    "Expired": Gone,
    "Gone": Gone,
    "Unauthorized": Unauthorized,
    "Forbidden": Forbidden,
    "Invalid": Invalid,
    "BadRequest": Invalid,
    "UnsupportedMediaType": Invalid,
    "RequestEntityTooLarge": TooLarge,
    "MethodNotAllowed": NotServed,
    "NotImplemented": NotServed,
    "Timeout": TimedOut,
}
"""The server's `reason` decides first; the HTTP code only where it gave none."""
