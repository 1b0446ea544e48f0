"""One request to a simulated API server, understood: who calls, what the path names, what the query asks.

Relies on resources.py for what is served. `Target` is the place in the API, `Call` is the whole; nothing here touches
an object.
"""

from collections.abc import Mapping

from msgspec import Struct

from sym.kube.requests import Request
from sym.model.meta import Kind
from sym.sandbox import failures
from sym.sandbox.resources import Resource, Served, absent
from sym.sandbox.vacant import vacant

_LONGEST_MANAGER = 128
_DEPRECATED: Mapping[str, tuple[str, ...]] = {
    "endpoints": ("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",)
}
_NO = frozenset({"0", "false"})


class User(Struct, frozen=True, kw_only=True):
    """An authenticated caller."""

    name: str
    groups: tuple[str, ...] = ("system:authenticated",)


class Target(Struct, frozen=True, kw_only=True):
    """A place in the API: a collection where `name` is empty, else an object or one of its subresources."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def kind(self) -> Kind:
        """The kind of the resource."""
        return self.resource.kind


class Call(Struct, kw_only=True):
    """A request with its caller and target. `warnings` gathers what goes into Warning headers."""

    request: Request
    user: User
    target: Target
    query: Mapping[str, str]
    warnings: list[str] = []

    @property
    def resource(self) -> Resource:
        """The resource that the path names."""
        return self.target.resource

    @property
    def kind(self) -> Kind:
        """The kind that the path names."""
        return self.target.resource.kind

    def flag(self, name: str) -> bool:
        """A boolean of the query: whatever is stated and does not say no, even nothing."""
        return self.query.get(name, "false").lower() not in _NO

    @property
    def header(self) -> Mapping[str, str]:
        """The headers by lower-case name."""
        return {name.lower(): value for name, value in self.request.headers.items()}

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored. Raises Refusal for any value but `All`."""
        value = self.query.get("dryRun", "")
        if value in ("", "All"):
            return bool(value)
        message = f'Unsupported value: ["{value}"]: supported values: "All"'
        raise failures.bad_option(self._options, "dryRun", message, "FieldValueNotSupported")

    @property
    def validation(self) -> str:
        """Ignore, Warn or Strict: what happens to fields that the schema does not know."""
        value = self.query.get("fieldValidation", "") or "Warn"
        if value in ("Ignore", "Warn", "Strict"):
            return value
        message = f'Unsupported value: "{value}": supported values: "", "Ignore", "Strict", "Warn"'
        raise failures.bad_option(self._options, "fieldValidation", message, "FieldValueNotSupported")

    @property
    def manager(self) -> str:
        """The field manager: as stated, else the client's name."""
        stated = self.query.get("fieldManager", "")
        if len(stated.encode()) > _LONGEST_MANAGER:
            message = f"Too long: may not be more than {_LONGEST_MANAGER} bytes"
            raise failures.bad_option(self._options, "fieldManager", message, "FieldValueTooLong")
        if stated:
            return stated
        agent = self.header.get("user-agent", "").split("/", 1)[0].strip()
        return agent[:_LONGEST_MANAGER] or "unknown"

    def check_options(self) -> None:
        """Raises Refusal 422 for an option of a write that cannot be meant."""
        _ = self.dry_run, self.validation, self.manager

    @property
    def _options(self) -> str:
        verb = {"POST": "CreateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
        return verb.get(self.request.method, "UpdateOptions")


def warnings_for(kind: Kind) -> list[str]:
    """What a server says to every request for some kinds."""
    return list(_DEPRECATED.get(kind.qualified, ()))


def first_values(request: Request) -> Mapping[str, str]:
    """The query as a map; the first of several values counts."""
    found: dict[str, str] = {}
    for name, value in request.query:
        found.setdefault(name, value)
    return found


def target_of(served: Served, path: str) -> Target:
    """What a path under /api or /apis names. Raises Refusal: 404, or 501 for what only a real server has."""
    parts = path.strip("/").split("/")
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:
        rest = [rest[0], rest[1], "/".join(rest[2:])]
    plural, name, subresource = (*rest, "", "")[:3]
    resource = served.find(group, version, plural) or vacant(group, version, plural)
    if resource is None and (missing := absent(group, plural)):
        raise failures.not_implemented(missing)
    if resource is None or (resource.kind.namespaced, bool(namespace)) not in _fitting(bool(name)):
        raise failures.no_resource()
    _check_subresource(resource, name, subresource)
    return Target(resource=resource, namespace=namespace, name=name, subresource=subresource)


def _fitting(named: bool) -> tuple[tuple[bool, bool], ...]:
    return ((True, True), (False, False)) if named else ((True, True), (False, False), (True, False))


def _check_subresource(resource: Resource, name: str, subresource: str) -> None:
    if not subresource or subresource in resource.subresources:
        return
    if resource.custom:
        raise failures.not_found(resource.kind, name)
    missing = absent(resource.kind.group, resource.kind.plural, subresource.split("/", 1)[0])
    raise failures.not_implemented(missing) if missing else failures.no_resource()
