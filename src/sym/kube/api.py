"""The verbs of one cluster's API, typed, on top of `kube.client.Client`.

Reads give frozen structs (for deciding); writes take and give plain JSON, because a partial struct must never be sent
back. All raise `kube.errors`. `Api` also keeps the account of bytes that the cluster's lists may hold together.
"""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sym.kube import requests
from sym.kube.client import Client
from sym.kube.errors import Junk, TooLarge
from sym.kube.frames import Page, Reader
from sym.kube.limits import ByteBudget
from sym.kube.requests import MERGE_TYPE, ListOptions, Request, Response, Target
from sym.model.codec import DecodeError, JSONMap, decode, dig_str, parse_map
from sym.model.meta import Kind, Object
from sym.settings import KubeSettings

S = TypeVar("S", bound=Struct)
T = TypeVar("T", bound=Object)


class Version(Struct, frozen=True, rename="camel"):
    """What `/version` says."""

    git_version: str = ""
    major: str = ""
    minor: str = ""


class Api:
    """One cluster with one identity. `cluster` is its registered name, "" for the meta cluster."""

    def __init__(
        self,
        client: Client,
        cluster: str,
        settings: KubeSettings | None = None,
        budget: ByteBudget | None = None,
        permit: Callable[[], None] = requests.unconditional,
    ) -> None:
        self.client = client
        self.cluster = cluster
        self.settings = settings or KubeSettings()
        self.budget = budget or ByteBudget(self.settings.member_bytes)
        self._permit = permit

    def under(self, permit: Callable[[], None]) -> "Api":
        """The same for somebody who may lose the right to act: `permit()` is called right before each request leaves,
        and keeps it from leaving by raising."""
        return Api(self.client, self.cluster, self.settings, self.budget, permit)

    async def version(self) -> Version:
        """The server's version: the cheapest proof that it is there and takes our credentials."""
        answer = await self._send(Request(method="GET", path="/version"))
        return _decoded(answer.body, Version, "GET /version")

    async def get(self, kind: Kind, type_: type[T], namespace: str, name: str) -> T:
        """A live read. Raises NotFound."""
        request = requests.get(kind, namespace, name)
        answer = await self._send(request)
        found = _decoded(answer.body, type_, f"GET {request.path}")
        if found.metadata.name != name or not found.metadata.uid:
            raise Junk(f"GET {request.path}: the server answered with another object")
        return found

    async def get_raw(self, kind: Kind, namespace: str, name: str) -> JSONMap:
        """A live read of the whole object as the server gives it."""
        return await self._object(requests.get(kind, namespace, name))

    async def list_all(self, kind: Kind, type_: type[T], options: ListOptions) -> tuple[tuple[T, ...], str]:
        """All objects, page by page from one instant, and its resourceVersion. Raises Junk where one of them does not
        fit `type_`, since the answer would not be whole."""
        holder = f"list of {kind.qualified}"
        reader = Reader(kind, type_, metadata_only=options.metadata_only)
        items: list[T] = []
        version = ""
        try:
            async for page in self.pages(kind, reader, options, holder=holder):
                for odd in page.unreadable:
                    raise Junk(f"{holder}: {odd.namespace}/{odd.name} cannot be read: {odd.message}")
                items += page.items
                version = page.resource_version
        finally:
            self.budget.release(holder)
        return tuple(items), version

    async def pages(
        self, kind: Kind, reader: Reader[T], options: ListOptions, *, holder: str, resource_version: str = ""
    ) -> AsyncIterator[Page[T]]:
        """The pages of one list. The bytes stay on the budget under `holder` until someone releases them. Raises
        TooLarge above a limit, Junk for a continue token that comes again, Gone for one that is too old."""
        token, size, seen = "", 0, set[str]()
        for _ in range(self.settings.list_pages):
            request = requests.list_page(
                kind,
                options,
                limit=self.settings.page_limit,
                continue_=token,
                resource_version="" if token else resource_version,
            )
            answer = await self._send(request)
            if len(answer.body) > self.settings.page_bytes:
                raise TooLarge(f"{holder}: a page of {len(answer.body)} bytes is more than Sym takes")
            size += len(answer.body)
            self.budget.hold(holder, size)
            page = reader.page(answer.body)
            yield page
            if not (token := page.next):
                return
            if token in seen:
                raise Junk(f"{holder}: the server gives the same continue token again, the list would never end")
            seen.add(token)
        raise TooLarge(f"{holder}: the list has no end after {self.settings.list_pages} pages")

    async def create(self, kind: Kind, body: JSONMap, manager: str) -> JSONMap:
        """Create `body`; its namespace stands in its metadata. Raises AlreadyExists."""
        namespace = dig_str(body, "metadata", "namespace")
        return await self._object(requests.create(kind, body, namespace=namespace, manager=manager))

    async def rehearse(self, kind: Kind, body: JSONMap, manager: str, *, force: bool = False) -> JSONMap:
        """What a server-side apply of `body` would make of the object. Nothing is written. Raises as `apply`."""
        return await self._object(requests.apply(_target(kind, body, ""), body, manager, force=force, dry_run=True))

    async def apply(
        self, kind: Kind, body: JSONMap, manager: str, *, force: bool = False, subresource: str = ""
    ) -> JSONMap:
        """Server-side apply of `body`, which names its object. Raises FieldConflict, or Conflict for a uid or
        resourceVersion in the body that is no longer true."""
        return await self._object(requests.apply(_target(kind, body, subresource), body, manager, force=force))

    async def patch(
        self, kind: Kind, body: JSONMap, manager: str, *, content_type: str = MERGE_TYPE, subresource: str = ""
    ) -> JSONMap:
        """A merge patch (or another type) of the object that `body.metadata` names. Preconditions go in the body."""
        target = _target(kind, body, subresource)
        return await self._object(requests.patch(target, body, manager, content_type=content_type))

    async def patch_status(self, kind: Kind, namespace: str, name: str, body: JSONMap, manager: str) -> JSONMap:
        """A merge patch of the status subresource. `body` is `{"status": …}`, perhaps with metadata preconditions."""
        return await self._object(requests.patch(Target(kind, namespace, name, "status"), body, manager))

    async def update(self, kind: Kind, body: JSONMap, manager: str, *, subresource: str = "") -> JSONMap:
        """Replace the whole object (for Leases, whose resourceVersion makes it a compare-and-swap). Raises Conflict."""
        return await self._object(requests.update(_target(kind, body, subresource), body, manager))

    async def delete(self, kind: Kind, *, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """Delete exactly this uid at this resourceVersion. Raises NotFound, Conflict."""
        await self._send(
            requests.delete(kind, namespace=namespace, name=name, uid=uid, resource_version=resource_version)
        )

    async def aclose(self) -> None:
        """Close the client."""
        await self.client.aclose()

    async def _send(self, request: Request) -> Response:
        return await self.client.send(replace(request, permit=self._permit))

    async def _object(self, request: Request) -> JSONMap:
        answer = await self._send(request)
        try:
            return parse_map(answer.body)
        except DecodeError:
            raise Junk(
                f"{request.method} {request.path}: the server answered with something that is no object"
            ) from None


def _decoded(body: bytes, type_: type[S], where: str) -> S:
    try:
        return decode(body, type_)
    except DecodeError as error:
        raise Junk(f"{where}: the server's answer cannot be read: {error}") from None


def _target(kind: Kind, body: JSONMap, subresource: str) -> Target:
    return Target(kind, dig_str(body, "metadata", "namespace"), dig_str(body, "metadata", "name"), subresource)
