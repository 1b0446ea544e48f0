"""A client that answers from a script, literal byte for byte, and notes what it was asked.

Not a mock: it knows no expectations and no code under test. It gives each list and each watch the next answer of its
script, and when the script is over it answers as a hung server does: never.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import TypeAlias

from msgspec import Struct

from sym.kube.answers import error_of
from sym.kube.errors import KubeError
from sym.kube.requests import Request, Response
from sym.model.codec import JSON, JSONMap, encode


class Silence(Struct, frozen=True):
    """Nothing is heard for `seconds`; then the script goes on."""

    seconds: float


Line: TypeAlias = bytes | Silence | KubeError


class Frames(Struct, frozen=True):
    """A stream: its lines, and after them the server's end, unless the last one is an error."""

    lines: tuple[Line, ...]


Answer: TypeAlias = Response | Frames | KubeError


class Asked(Struct, frozen=True):
    """One request and the loop's time at which it came."""

    at: float
    request: Request

    def __getitem__(self, name: str) -> str:
        """A parameter of the query; "" where it was not given."""
        return dict(self.request.query).get(name, "")


class Scripted:
    """See the module. `answers` go out in order, whatever is asked; `asked` holds all requests."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = deque(answers)
        self.asked: list[Asked] = []
        self.closed = False

    @property
    def lists(self) -> list[Asked]:
        """The lists asked for."""
        return [one for one in self.asked if not one["watch"]]

    @property
    def watches(self) -> list[Asked]:
        """The watches asked for."""
        return [one for one in self.asked if one["watch"]]

    async def send(self, request: Request) -> Response:
        """The next answer of the script."""
        answer = await self._next(request)
        assert isinstance(answer, Response), f"the script has {answer} where {request.target} was asked"
        return answer

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The next stream of the script."""
        answer = await self._next(request)
        assert isinstance(answer, Frames), f"the script has {answer} where {request.target} was asked"
        yield self._lines(answer.lines)

    async def aclose(self) -> None:
        """Note it."""
        self.closed = True

    async def _next(self, request: Request) -> Response | Frames:
        self.asked.append(Asked(asyncio.get_running_loop().time(), request))
        if not self._answers:
            await asyncio.Event().wait()
        answer = self._answers.popleft()
        if isinstance(answer, KubeError):
            raise answer
        return answer

    async def _lines(self, lines: Iterable[Line]) -> AsyncIterator[bytes]:
        for line in lines:
            if isinstance(line, Silence):
                await asyncio.sleep(line.seconds)
            elif isinstance(line, KubeError):
                raise line
            else:
                yield line


def config_map(name: str, version: int | str, **labels: str) -> JSONMap:
    """A ConfigMap in namespace `d`."""
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": "d",
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            "labels": {**labels},
        },
    }


def listing(version: int | str, *items: JSONMap, more: str = "") -> Response:
    """A page of a list of ConfigMaps; `more` is the continue token."""
    metadata: JSONMap = {"resourceVersion": str(version), **({"continue": more} if more else {})}
    return Response(
        status=200,
        body=encode({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": [*items]}),
    )


def event(type_: str, item: JSON) -> bytes:
    """A line of a watch."""
    return encode({"type": type_, "object": item})


def bookmark(version: int | str, *, complete: bool = False) -> bytes:
    """A bookmark, as servers send it: an object with nothing but a version, and the word that initial events end."""
    meta: JSONMap = {"resourceVersion": str(version)}
    if complete:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    return event("BOOKMARK", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta})


def failure(code: int, reason: str, message: str = "no", **details: JSON) -> JSONMap:
    """A metav1.Status."""
    return {
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message, "details": {**details},
    }  # fmt: skip


def refusal(code: int, reason: str, message: str = "no", **details: JSON) -> KubeError:
    """The error that a client raises for such a Status."""
    return error_of(
        Request(method="GET", path="/api/v1/configmaps"), code, {}, encode(failure(code, reason, message, **details))
    )
