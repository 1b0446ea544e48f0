"""The seam between Sym and an API server: two calls that carry `Request`s.

`kube.http` sends them over HTTPS, `sandbox` answers them in the same process, `sandbox.faults` wraps either. All verbs
of `kube.api` stand on these two, so whatever holds for one holds for all.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sym.kube.requests import Request, Response


class Client(Protocol):
    """One cluster's API with one identity."""

    async def send(self, request: Request) -> Response:
        """The whole answer of a 2xx. Raises KubeError for every other one (see `kube.errors`), and whatever
        `request.permit()` raises."""
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The lines of an answer that goes on (a watch, followed logs). Entering raises KubeError as `send` does;
        reading raises Unreachable when the peer resets or falls silent; the iterator's end is the server's end."""
        ...

    async def aclose(self) -> None:
        """Close every connection. Calls after it raise Unreachable."""
        ...
