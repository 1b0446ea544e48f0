"""Who asked a simulated API server for what, and what it answered: the audit log of a real one, as far as tests and
people who watch a sandbox need it.

A listener hears of each request once, after it has taken effect and before its answer leaves. Relies on the path
alone, so that requests for what is not served are heard of too.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from sym.kube.requests import Request

_VERBS: Mapping[str, tuple[str, str]] = {
    "GET": ("get", "list"),
    "HEAD": ("get", "list"),
    "POST": ("create", "create"),
    "PUT": ("update", "update"),
    "PATCH": ("patch", "patch"),
    "DELETE": ("delete", "deletecollection"),
}
"""Method: the verb for a named object and for a collection."""
_READS = frozenset({"get", "list", "watch"})


class Place(Struct, frozen=True, kw_only=True):
    """Where a request's path points. All empty where it points to no object or collection."""

    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class Record(Struct, frozen=True, kw_only=True):
    """One request, in the words of Kubernetes' audit log. `agent` is the User-Agent, `code` the answer's status."""

    cluster: str
    user: str
    agent: str
    verb: str
    place: Place
    code: int

    @property
    def write(self) -> bool:
        """Whether it asked for a change."""
        return self.verb not in _READS

    def __str__(self) -> str:
        parts = (self.place.resource, self.place.subresource, self.place.namespace, self.place.name)
        where = "/".join(part for part in parts if part)
        return f"{self.agent} {self.verb} {self.cluster}:{where} -> {self.code}"


Listener: TypeAlias = Callable[[Record], None]


def record(cluster: str, user: str, request: Request, code: int) -> Record:
    """What `request` of `user` to `cluster`, answered with `code`, looks like in the log."""
    agent = next((value for name, value in request.headers.items() if name.lower() == "user-agent"), "")
    place = place_of(request.path)
    one, many = _VERBS.get(request.method, (request.method.lower(),) * 2)
    verb = one if place.name or not place.resource else many
    if request.method == "GET" and dict(request.query).get("watch") in ("1", "true"):
        verb = "watch"
    return Record(cluster=cluster, user=user, agent=agent, verb=verb, place=place, code=code)


def place_of(path: str) -> Place:
    """What a path names, by its shape."""
    parts = path.strip("/").split("/")
    rest = parts[{"api": 2, "apis": 3}.get(parts[0], len(parts)) :]
    group = parts[1] if parts[0] == "apis" and rest else ""
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource, name, *more = (*rest, "", "")
    subresource = "/".join(part for part in more if part)
    return Place(group=group, resource=resource, namespace=namespace, name=name, subresource=subresource)
