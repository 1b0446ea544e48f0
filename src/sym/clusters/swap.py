"""A client whose inside can be changed: credentials rotate without the caches above it noticing.

The old client is closed only once the new one is in place, which ends its streams; the reflectors watch on from where
they were. Counts every answer (`rest_client_requests_total`) and remembers when the API last answered.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sym.clusters.metrics import FleetMetrics
from sym.kube.client import Client
from sym.kube.errors import KubeError, Unreachable
from sym.kube.requests import Request, Response

Answered = Callable[[], None]


class SwapClient:
    """Stands before the present client of one cluster. Implements `kube.client.Client`."""

    def __init__(self, client: Client, host: str, metrics: FleetMetrics, answered: Answered) -> None:
        self._client = client
        self._host = host
        self._metrics = metrics
        self._answered = answered

    async def send(self, request: Request) -> Response:
        """As the present client; see `Client.send`."""
        try:
            response = await self._client.send(request)
        except KubeError as error:
            self._count(error.status.code, request.method)
            if not isinstance(error, Unreachable):
                self._answered()
            raise
        self._count(response.status, request.method)
        self._answered()
        return response

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """As the present client; see `Client.stream`."""
        return self._stream(request)

    async def swap(self, client: Client, host: str) -> None:
        """Put `client` in the place of the present one, then close that."""
        old, self._client, self._host = self._client, client, host
        await old.aclose()

    async def aclose(self) -> None:
        """Close the present client."""
        await self._client.aclose()

    @asynccontextmanager
    async def _stream(self, request: Request) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._client.stream(request) as lines:
            self._answered()
            yield self._heard(lines)

    async def _heard(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for line in lines:
            self._answered()
            yield line

    def _count(self, code: int, method: str) -> None:
        self._metrics.requests.labels(str(code) if code else "<error>", method, self._host).inc()
