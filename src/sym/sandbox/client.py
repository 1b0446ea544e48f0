"""A `kube.client.Client` that speaks to a simulated cluster in the same process, without a socket.

Answers that are no success raise exactly what `kube.http` raises, because both pass through `kube.answers`. Everything
gives the loop one turn, so that no caller can rely on an answer within one step.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from msgspec.structs import replace

from sym.kube.answers import error_of
from sym.kube.errors import Junk, Unreachable
from sym.kube.requests import Request, Response
from sym.sandbox.apiserver import ApiServer, Stream
from sym.sandbox.call import User

_AGENT = "sym"


class InProcessClient:
    """One identity at one simulated cluster."""

    def __init__(self, api: ApiServer, user: User) -> None:
        self._api = api
        self._user = user
        self._closed = False
        self._streams: list[Stream] = []

    async def send(self, request: Request) -> Response:
        """See `Client.send`."""
        await self._turn(request)
        answer = self._api.handle(_as_received(request), self._user)
        if isinstance(answer, Stream):
            answer.close()
            raise Junk(f"{request.method} {request.path}: the answer is a stream")
        return _checked(request, answer)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See `Client.stream`."""
        await self._turn(request)
        answer = self._api.handle(_as_received(request), self._user)
        if isinstance(answer, Response):
            yield _lines(_checked(request, answer).body)
            return
        self._streams.append(answer)
        try:
            yield self._following(request, answer.lines)
        finally:
            self._streams.remove(answer)
            answer.close()

    async def aclose(self) -> None:
        """See `Client.aclose`."""
        self._closed = True
        for stream in self._streams:
            stream.close()

    async def _turn(self, request: Request) -> None:
        if self._closed:
            raise Unreachable(f"{request.method} {request.path}: this client is closed")
        await asyncio.sleep(0)
        request.permit()

    async def _following(self, request: Request, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for line in lines:
            if self._closed:
                break
            yield line.removesuffix(b"\n")
        if self._closed:
            raise Unreachable(f"{request.method} {request.path}: this client is closed")


def _as_received(request: Request) -> Request:
    headers = {"User-Agent": _AGENT, **request.headers}
    return replace(request, headers=headers)


def _checked(request: Request, answer: Response) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if 200 <= answer.status < 300:
        return Response(status=answer.status, headers=headers, body=answer.body)
    raise error_of(request, answer.status, headers, answer.body)


async def _lines(body: bytes) -> AsyncIterator[bytes]:
    for line in body.splitlines():
        yield line
