"""How the sandbox says no: one exception that carries a metav1.Status, and a maker for each reason of a real server.

Relies on nothing but the codec. Codes, reasons and messages are those of kube-apiserver 1.34, because clients match on
them.
"""

from collections.abc import Iterable

from sym.kube.errors import Cause
from sym.kube.requests import JSON_TYPE, Response
from sym.model.codec import JSON, JSONMap, encode
from sym.model.meta import Kind


class Refusal(Exception):
    """An answer that is not a success. `code` is the HTTP status."""

    def __init__(self, code: int, reason: str, message: str, details: JSONMap | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.token = ""
        """a continue token that goes with the refusal"""

    def status(self) -> JSONMap:
        """The Status object."""
        found: JSONMap = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.token} if self.token else {},
            "status": "Failure",
            "message": self.message,
        }
        found |= {"reason": self.reason} if self.reason else {}
        found |= {"details": self.details} if self.details is not None else {}
        return found | {"code": self.code}

    def response(self) -> Response:
        """The whole answer."""
        return Response(status=self.code, headers={"Content-Type": JSON_TYPE}, body=encode(self.status()))


def details(kind: Kind, name: str = "", causes: Iterable[Cause] = (), *, by_kind: bool = False) -> JSONMap:
    """The `details` of a Status about an object; `kind` there is the plural except where an object is invalid."""
    found: JSONMap = {"name": name} if name else {}
    found |= {"group": kind.group} if kind.group else {}
    found["kind"] = kind.name if by_kind else kind.plural
    listed = listed_causes(causes)
    return {**found, "causes": listed} if listed else found


def listed_causes(causes: Iterable[Cause]) -> list[JSON]:
    """Causes as they stand in a Status."""
    return [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]


def not_found(kind: Kind, name: str) -> Refusal:
    """404: the object."""
    return Refusal(404, "NotFound", f'{kind.qualified} "{name}" not found', details(kind, name))


def no_resource() -> Refusal:
    """404: nothing is served at this path."""
    return Refusal(404, "NotFound", "the server could not find the requested resource", {})


def no_method() -> Refusal:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return Refusal(405, "MethodNotAllowed", message, {})


def not_implemented(what: str) -> Refusal:
    """501: a real server has it, the sandbox does not."""
    return Refusal(501, "NotImplemented", f"the sandbox does not serve {what}", {})


def already_exists(kind: Kind, name: str, *, going: bool = False) -> Refusal:
    """409: the name is taken, perhaps by an object that is being deleted."""
    prefix = "object is being deleted: " if going else ""
    return Refusal(409, "AlreadyExists", f'{prefix}{kind.qualified} "{name}" already exists', details(kind, name))


def conflict(kind: Kind, name: str, why: str) -> Refusal:
    """409: the object is not what the writer believed."""
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}'
    return Refusal(409, "Conflict", message, details(kind, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def apply_conflict(causes: list[Cause], message: str) -> Refusal:
    """409 of an apply: other managers own fields."""
    return Refusal(409, "Conflict", message, {"causes": listed_causes(causes)})


def invalid(kind: Kind, name: str, causes: list[Cause]) -> Refusal:
    """422: what the object says. The message lists the causes as a real server does."""
    lines = list(dict.fromkeys(f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes))
    listed = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    owner = f"{kind.name}.{kind.group}" if kind.group else kind.name
    message = f'{owner} "{name}" is invalid: {listed}'
    return Refusal(422, "Invalid", message, details(kind, name, causes, by_kind=True))


def unconditional(kind: Kind, name: str) -> Refusal:
    """422: an update that must say which resourceVersion it changes."""
    message = "Invalid value: 0: must be specified for an update"
    cause = Cause("metadata.resourceVersion", message, "FieldValueInvalid")
    text = f'{kind.qualified} "{name}" is invalid: {cause.field}: {message}'
    return Refusal(422, "Invalid", text, details(kind, name, [cause]))


def bad_option(kind: str, field: str, message: str, reason: str) -> Refusal:
    """422: an option of the request. `kind` is CreateOptions, DeleteOptions, …"""
    details: JSONMap = {
        "group": "meta.k8s.io",
        "kind": kind,
        "causes": [{"reason": reason, "message": message, "field": field}],
    }
    return Refusal(422, "Invalid", f'{kind}.meta.k8s.io "" is invalid: {field}: {message}', details)


def bad_options(kind: str, causes: list[Cause]) -> Refusal:
    """422: options of the request that do not fit each other. `kind` is ListOptions, …"""
    details: JSONMap = {"group": "meta.k8s.io", "kind": kind, "causes": listed_causes(causes)}
    lines = [f"{cause.field}: {cause.message}" for cause in causes]
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    return Refusal(422, "Invalid", f'{kind}.meta.k8s.io "" is invalid: {text}', details)


def too_large(limit: int) -> Refusal:
    """413."""
    return Refusal(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}", {})


def internal(message: str) -> Refusal:
    """500."""
    return Refusal(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})


def bad_request(message: str) -> Refusal:
    """400."""
    return Refusal(400, "BadRequest", message)


def forbidden(kind: Kind, name: str, why: str, *causes: Cause) -> Refusal:
    """403."""
    return Refusal(403, "Forbidden", f'{kind.qualified} "{name}" is forbidden: {why}', details(kind, name, causes))


def unauthorized() -> Refusal:
    """401."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def expired(message: str, token: str = "") -> Refusal:
    """410: a resourceVersion or token that is too old. `token` continues a list all the same, from the present."""
    refusal = Refusal(410, "Expired", message)
    refusal.token = token
    return refusal


def too_new(version: int, current: int) -> Refusal:
    """504: a resourceVersion from the future."""
    message = f"Too large resource version: {version}, current: {current}"
    causes: JSONMap = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
    return Refusal(504, "Timeout", f"Timeout: {message}", causes | {"retryAfterSeconds": 1})


def unsupported_media(message: str) -> Refusal:
    """415."""
    return Refusal(415, "UnsupportedMediaType", message)


def not_acceptable() -> Refusal:
    """406."""
    message = "406: Not Acceptable\n\nAvailable representations: application/json"
    return Refusal(406, "NotAcceptable", message, {})
