"""The API of one simulated cluster, without any I/O: a request and its user in, a whole answer or a stream out.

`client.InProcessClient` calls it directly, `server.py` from HTTPS; both get the same bytes. Every request is answered
in one step; only streams wait. Relies on the modules beside it, one for each thing a server does.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from sym.aio.env import Env
from sym.kube.requests import JSON_TYPE, Request, Response
from sym.model.codec import DecodeError, JSONMap, as_map, dig_str, encode
from sym.model.kinds import NAMESPACE
from sym.sandbox import binding, discovery, facts, failures, reviews, scale
from sym.sandbox.admission import Admission, parsed, read
from sym.sandbox.audit import Listener, record
from sym.sandbox.call import Call, User, first_values, target_of, warnings_for
from sym.sandbox.definitions import Definitions
from sym.sandbox.deletes import Deletes
from sym.sandbox.failures import Refusal
from sym.sandbox.forms import Form, Presenter, form_of
from sym.sandbox.openapi import OpenApi
from sym.sandbox.patch import PatchError
from sym.sandbox.reads import Reads
from sym.sandbox.resources import Served, absent
from sym.sandbox.store import Store
from sym.sandbox.vacant import is_vacant
from sym.sandbox.watches import Terms, Watch
from sym.sandbox.writes import Writes, Written
from sym.settings import ApiServerSettings

LARGEST_BODY = 3 * 1024 * 1024
"""Bytes of a request's body that a server reads."""
_TEXT = "text/plain; charset=utf-8"
_PROBES = ("/healthz", "/livez", "/readyz")
_UNROUTED = (405, 415)
"""Answers that are given before anybody could warn."""
_VERBS: Mapping[str, str] = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class Stream(Struct, frozen=True, kw_only=True):
    """An answer that goes on. `close` must be called if `lines` is never read."""

    lines: AsyncIterator[bytes]
    close: Callable[[], None]
    headers: Mapping[str, str] = {}
    status: int = 200


Answer: TypeAlias = Response | Stream


class Pods(Protocol):
    """What runs inside pods, as far as requests reach it."""

    def logs(self, call: Call) -> Answer:
        """The answer of `GET pods/NAME/log`. Raises Refusal."""
        ...

    def enter(self, call: Call) -> object:
        """The container that `pods/NAME/exec` would enter. Raises Refusal."""
        ...


class ApiServer:
    """One cluster's API."""

    def __init__(
        self, name: str, store: Store, env: Env, settings: ApiServerSettings, pods: Pods | None = None
    ) -> None:
        self.name = name
        self.store = store
        self._settings = settings
        self.pods = pods
        self.served = Served()
        self.listeners: list[Listener] = []
        """Each hears of every request, once it has taken effect and before it is answered."""
        self._env = env
        self.definitions = Definitions(store, self.served, env)
        self._openapi = OpenApi(self.served)
        self._reads = Reads(store)
        self._writes = Writes(store, Admission(), env)
        self._deletes = Deletes(store, env)

    def handle(self, request: Request, user: User) -> Answer:
        """The answer to one request; refusals are answers too."""
        answer = self._attempt(request, user)
        for listener in self.listeners:
            listener(record(self.name, user.name, request, answer.status))
        return answer

    def _attempt(self, request: Request, user: User) -> Answer:
        if len(request.body) > LARGEST_BODY:
            return failures.too_large(LARGEST_BODY).response()
        return self._judged(lambda: self._answer(request, user))

    def _judged(self, step: Callable[[], Answer]) -> Answer:
        """The answer of a step, also where it is refused."""
        try:
            return step()
        except Refusal as refusal:
            return refusal.response()
        except PatchError as error:
            return Refusal(error.code, error.reason, error.message, {} if error.code == 422 else None).response()
        except DecodeError as error:
            return failures.bad_request(str(error)).response()

    def call(self, request: Request, user: User) -> Call:
        """A request for objects, understood. Raises Refusal."""
        target = target_of(self.served, request.path)
        return Call(
            request=request, user=user, target=target, query=first_values(request), warnings=warnings_for(target.kind)
        )

    def _answer(self, request: Request, user: User) -> Answer:
        parts = [part for part in request.path.split("/") if part]
        if len(parts) > {"api": 2, "apis": 3}.get("".join(parts[:1]), len(parts)):
            return self._object(request, user)
        if request.method not in ("GET", "HEAD"):
            raise failures.no_method()
        if parts[:1] in (["api"], ["apis"]):
            return self._discover(request, parts)
        return self._other(parts)

    # everything beside objects

    def _other(self, parts: list[str]) -> Answer:
        match parts:
            case ["version"]:
                return _json(facts.version())
            case ["openapi", "v3"]:
                return _json(self._openapi.index(self.definitions.generation))
            case ["openapi", "v3", *rest]:
                found = self._openapi.document("/".join(rest), self.definitions.generation)
                return _nothing() if found is None else Response(status=200, headers=_typed(JSON_TYPE), body=found)
            case ["openapi", "v2"]:
                raise failures.not_implemented("OpenAPI v2; kubectl 1.30 and later ask for /openapi/v3")
            case []:
                return _json({"paths": ["/api", "/apis", *_PROBES, "/openapi/v3", "/version"]})
            case _:
                probe = f"/{parts[0]}" in _PROBES
                return Response(status=200, headers=_typed(_TEXT), body=b"ok") if probe else _missing()

    def _discover(self, request: Request, parts: list[str]) -> Answer:
        accept = {name.lower(): value for name, value in request.headers.items()}.get("accept", "")
        wanted = discovery.wanted(accept)
        if len(parts) == 1 and wanted:
            group, _, version = wanted.partition("/")
            media = f"{JSON_TYPE};g={group};v={version};as=APIGroupDiscoveryList"
            found = discovery.aggregated(self.served, wanted, core=parts == ["api"])
            return Response(status=200, headers=_typed(media), body=encode(found))
        match parts:
            case ["api"]:
                return _json(discovery.core_versions("127.0.0.1"))
            case ["apis"]:
                return _json(discovery.group_list(self.served))
            case ["apis", group]:
                if group not in self.served.groups():
                    return self._no_group(group)
                return _json({"kind": "APIGroup", "apiVersion": "v1", **discovery.group(self.served, group)})
            case [*_, version]:
                group = parts[1] if parts[0] == "apis" else ""
                listed = discovery.resource_list(self.served, group, version)
                return self._no_group(group) if listed is None else _json(listed)
            case _:
                return _missing()

    def _no_group(self, group: str) -> Answer:
        missing = absent(group, "")
        if missing:
            raise failures.not_implemented(f"the API group {group}")
        return _missing()

    # objects

    def _object(self, request: Request, user: User) -> Answer:
        group = "" if request.path.startswith("/api/") else request.path.split("/")[2]
        if group not in self.served.groups() and not absent(group, "-"):
            return _missing()
        try:
            call = self.call(request, user)
        except Refusal as refusal:
            if refusal.code == 404 and refusal.details == {} and group in self.definitions.groups:
                return _missing()
            raise
        answer = self._judged(lambda: self._route(call))
        if not call.warnings or answer.status in _UNROUTED:
            return answer
        text = ", ".join(f'299 - "{warning.replace(chr(34), chr(92) + chr(34))}"' for warning in call.warnings)
        return replace(answer, headers={**answer.headers, "Warning": text})

    def _route(self, call: Call) -> Answer:
        if not call.resource.stored:
            return self._review(call)
        match call.target.subresource:
            case "scale":
                return self._scale(call)
            case "log":
                return self._log(call)
            case "binding":
                return self._bind(call)
            case "exec":
                return self._exec(call)
            case _:
                return self._verb(call)

    def _verb(self, call: Call) -> Answer:
        if call.request.method != "GET" and is_vacant(call.resource):
            raise failures.not_implemented(f"{call.kind.qualified}, except to say that there are none")
        match call.request.method:
            case "GET":
                return self._read(call)
            case "POST" | "PUT" | "PATCH":
                return self._write(call)
            case "DELETE":
                return self._delete(call)
            case _:
                raise failures.no_method()

    def _read(self, call: Call) -> Answer:
        presenter = self._presenter(call)
        if call.target.name:
            return _bytes(200, presenter.entry(self._reads.get(call)))
        if call.flag("watch"):
            watch = Watch(self.store, call, presenter, Terms(env=self._env, settings=self._settings))
            return Stream(lines=watch.lines(), close=watch.close, headers=_typed(JSON_TYPE))
        return _bytes(200, presenter.page(self._reads.list(call)))

    def _write(self, call: Call) -> Answer:
        presenter = self._presenter(call)
        call.check_options()
        posts = call.request.method == "POST"
        if posts is bool(call.target.name):
            raise failures.no_method()
        self._check_terminating(call)
        written = self._written(call)
        return _bytes(written.code, presenter.obj(written.obj))

    def _written(self, call: Call) -> Written:
        match call.request.method:
            case "POST":
                return self._writes.create(call)
            case "PUT":
                return self._writes.update(call)
            case _:
                return self._writes.patch(call)

    def _check_terminating(self, call: Call) -> None:
        if call.request.method == "POST" and self.definitions.terminating(call.kind):
            message = "create not allowed while custom resource definition is terminating"
            name = dig_str(read(call), "metadata", "name")
            raise failures.forbidden(call.kind, name, message)

    def _delete(self, call: Call) -> Answer:
        presenter = self._presenter(call)
        if call.target.subresource:
            raise failures.no_method()
        if call.target.name:
            return _bytes(200, presenter.obj(self._deletes.delete(call).obj))
        if call.kind == NAMESPACE:
            raise failures.no_method()
        page = presenter.page(self._reads.list(call))
        self._deletes.delete_all(call)
        return _bytes(200, page)

    def _scale(self, call: Call) -> Answer:
        entry = self._writes.require(call)
        obj = self._writes.current(call, entry)
        current = scale.scale_of(call.resource, obj, strict=call.request.method == "GET")
        match call.request.method:
            case "GET":
                return _json(current)
            case "PUT":
                wanted = read(call)
            case "PATCH":
                media = call.header.get("content-type", "").split(";", 1)[0].strip()
                wanted = self._writes.patcher(call, media)(current)
            case _:
                raise failures.no_method()
        written = self._writes.put_back(call, entry, scale.with_scale(call.resource, obj, wanted))
        return _json(scale.scale_of(call.resource, written.obj))

    def _bind(self, call: Call) -> Answer:
        if call.request.method != "POST":
            raise failures.no_method()
        return _json(binding.bind(call, self.store), 201)

    def _log(self, call: Call) -> Answer:
        if call.request.method != "GET":
            raise failures.no_method()
        if self.pods is None:
            raise failures.not_implemented("pods/log: no kubelet runs in this cluster")
        return self.pods.logs(call)

    def _exec(self, call: Call) -> Answer:
        """exec without an upgrade of the connection, which only a server with sockets can make."""
        if call.request.method not in ("GET", "POST"):
            raise failures.no_method()
        if self.pods is not None:
            self.pods.enter(call)
        raise failures.bad_request("Upgrade request required")

    def _review(self, call: Call) -> Answer:
        if call.request.method != "POST" or call.target.name:
            raise failures.no_method()
        obj = as_map(parsed(call.request.body, call.header.get("content-type", ""), call.kind))
        if dig_str(obj, "kind") not in ("", call.kind.name):
            raise failures.bad_request(f"{dig_str(obj, 'kind')} cannot be handled as a {call.kind.name}")
        return _json(reviews.answer(call, obj), 201)

    def _presenter(self, call: Call) -> Presenter:
        form = form_of(call.header.get("accept", ""))
        if call.request.method != "GET" and form is Form.TABLE and call.request.method == "DELETE":
            form = Form.WHOLE
        return Presenter(call, form, self._env.now())


def _json(value: JSONMap, code: int = 200) -> Response:
    return _bytes(code, encode(value))


def _bytes(code: int, body: bytes) -> Response:
    return Response(status=code, headers=_typed(JSON_TYPE), body=body)


def _typed(media: str) -> dict[str, str]:
    return {"Content-Type": media}


def _nothing() -> Response:
    """404 of a handler that says nothing more."""
    return Response(status=404, headers={}, body=b"")


def _missing() -> Response:
    return Response(status=404, headers=_typed(_TEXT), body=b"404 page not found\n")
