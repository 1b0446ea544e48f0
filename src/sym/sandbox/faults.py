"""Everything that networks and API servers do to a client, on purpose: wraps any `kube.client.Client`.

A `Schedule` names the fault of each request: a `Script` in the order in which it was written, `Chances` by seeded
dice. Besides, the whole link can be cut or turned into a black hole while streams are open, and healed. What the
wrapped client raises goes through; faults look exactly as `kube.http` would report them. Relies on `kube` for the
meaning of answers and on asyncio's clock, so that it works in virtual time.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from enum import Enum, auto
from typing import Protocol, TypeAlias

import msgspec
from msgspec import Struct

from sym.aio.broadcast import Latest
from sym.aio.env import Env
from sym.kube.answers import error_of
from sym.kube.client import Client
from sym.kube.errors import KubeError, TimedOut, Unreachable
from sym.kube.requests import Request, Response
from sym.model.codec import JSONMap, as_map, dig_map, dig_str, encode, parse
from sym.settings import KubeSettings

_ENDLESS = "sym-endless-"
_MEMORY = 16  # list answers that are kept for a later StaleList, per list


class Drop(Struct, frozen=True, tag=True):
    """The request never reaches the server."""


class Reset(Struct, frozen=True, tag=True):
    """The server does what was asked, and its answer is lost. A stream breaks after `after` lines."""

    after: int = 0


class Delay(Struct, frozen=True, tag=True):
    """The request waits `seconds` before it reaches the server."""

    seconds: float


class Hang(Struct, frozen=True, tag=True):
    """Nothing comes back until the client gives up. A stream falls silent after `after` lines."""

    after: int = 0


class Refuse(Struct, frozen=True, tag=True):
    """The server answers `code` with `reason` (410, 429, 5xx, 401, …) and `message`; `retry_after` in seconds goes with
    it. `bare`: without a Status body, as load balancers answer."""

    code: int
    reason: str = ""
    message: str = ""
    retry_after: int = 0
    bare: bool = False


class StaleList(Struct, frozen=True, tag=True):
    """A list is answered from the past, as it was `age` answers ago; what was never listed goes through."""

    age: int = 1


class Junk(Struct, frozen=True, tag=True):
    """The answer is `body`; in a stream it is a line, after `after` true ones, and (`last`) 410 ends it."""

    body: bytes = b"<html>login</html>"
    after: int = 0
    last: bool = False


class Truncated(Struct, frozen=True, tag=True):
    """The answer breaks off in the middle."""


class Endless(Struct, frozen=True, tag=True):
    """A list that always has one more page."""


class ErrorEvent(Struct, frozen=True, tag=True):
    """A watch gets an ERROR event after `after` lines; 410 Expired unless said otherwise."""

    after: int = 0
    code: int = 410
    reason: str = "Expired"


Fault: TypeAlias = Drop | Reset | Delay | Hang | Refuse | StaleList | Junk | Truncated | Endless | ErrorEvent


class Schedule(Protocol):
    """Says what happens to each request."""

    def next(self, request: Request) -> Fault | None:
        """The fault for `request`; None: it goes through."""
        ...


def anything(request: Request) -> bool:
    """Matches every request."""
    return bool(request.path)


def is_watch(request: Request) -> bool:
    """Matches watches."""
    return ("watch", "true") in request.query


def is_streamed_list(request: Request) -> bool:
    """Matches watches that begin with a list."""
    return is_watch(request) and ("sendInitialEvents", "true") in request.query


def is_list(request: Request) -> bool:
    """Matches lists: reads of a collection that are no watch."""
    return request.method == "GET" and any(name == "limit" for name, _ in request.query) and not is_watch(request)


def is_write(request: Request) -> bool:
    """Matches what may change something."""
    return request.method != "GET"


Matcher: TypeAlias = Callable[[Request], bool]


class Script:
    """Faults in order: each waits for the first request that it matches, and is then used up."""

    def __init__(self, steps: Iterable[tuple[Matcher, Fault | None]] = ()) -> None:
        self._steps = deque(steps)

    def add(self, matcher: Matcher, fault: Fault | None, times: int = 1) -> None:
        """Append a step; a None lets one matching request through."""
        self._steps.extend([(matcher, fault)] * times)

    @property
    def done(self) -> bool:
        """Whether every step has happened."""
        return not self._steps

    def next(self, request: Request) -> Fault | None:
        """See `Schedule.next`."""
        if self._steps and self._steps[0][0](request):
            return self._steps.popleft()[1]
        return None


class Chances:
    """Dice: each request suffers one of `faults`, each with its own probability; all together at most 1."""

    def __init__(self, faults: Iterable[tuple[float, Fault]], env: Env, matcher: Matcher = anything) -> None:
        self._faults = tuple(faults)
        self._env = env
        self._matcher = matcher

    def next(self, request: Request) -> Fault | None:
        """See `Schedule.next`."""
        if not self._matcher(request):
            return None
        dice = self._env.random().random()
        for chance, fault in self._faults:
            if dice < chance:
                return fault
            dice -= chance
        return None


class Link(Enum):
    """The way to the server."""

    UP = auto()
    CUT = auto()
    BLACK_HOLE = auto()


class FaultyClient:
    """`client` with faults. `settings` say how long a client waits before it gives up."""

    def __init__(self, client: Client, schedule: Schedule, settings: KubeSettings) -> None:
        self._client = client
        self.schedule = schedule
        """May be exchanged at any time."""
        self._settings = settings
        self._link: Latest[Link] = Latest(Link.UP)
        self._deadline: float | None = None  # loop time at which readers give up
        self._waiting: set[asyncio.Timeout] = set()
        self._lists: dict[str, deque[Response]] = {}
        self.injected: list[tuple[str, Fault]] = []
        """What was done to whom, for the tests' messages: (`GET /path`, fault)."""

    def cut(self) -> None:
        """Break the link: open streams are reset, requests are refused."""
        self._turn(Link.CUT, asyncio.get_running_loop().time())

    def black_hole(self) -> None:
        """Let the link swallow everything: open streams fall silent, requests time out."""
        self._turn(Link.BLACK_HOLE, asyncio.get_running_loop().time() + self._settings.stream_idle)

    def heal(self) -> None:
        """Make the link whole. A stream that had only fallen silent goes on."""
        self._turn(Link.UP, None)

    async def send(self, request: Request) -> Response:
        """See `Client.send`."""
        await self._cross(request)
        fault = self._choose(request)
        match fault:
            case None | ErrorEvent():
                return await self._remembered(request)
            case Drop() | Hang() | Refuse() | Delay():
                await self._before(request, fault)
                return await self._remembered(request)
            case Reset():
                await self._client.send(request)
                raise _broken(request)
            case Junk():
                return Response(status=200, body=fault.body)
            case Truncated():
                answer = await self._client.send(request)
                return msgspec.structs.replace(answer, body=answer.body[: len(answer.body) // 2])
            case StaleList():
                return await self._stale(request, fault)
            case Endless():
                return await self._endless(request)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See `Client.stream`."""
        await self._cross(request)
        fault = self._choose(request)
        if isinstance(fault, Drop | Refuse | Delay):
            await self._before(request, fault)
            fault = None
        async with self._client.stream(request) as lines:
            yield self._lines(request, lines, fault)

    async def aclose(self) -> None:
        """See `Client.aclose`."""
        await self._client.aclose()

    def _choose(self, request: Request) -> Fault | None:
        fault = self.schedule.next(request)
        if any(name == "continue" and value.startswith(_ENDLESS) for name, value in request.query):
            fault = Endless()  # the server itself does not know this token
        if fault is not None:
            self.injected.append((f"{request.method} {request.path}", fault))
        return fault

    # the link

    def _turn(self, link: Link, deadline: float | None) -> None:
        self._link.set(link)
        self._deadline = deadline
        for scope in self._waiting:
            scope.reschedule(deadline)

    async def _cross(self, request: Request) -> None:
        """Get a request over the link, or fail as its state says."""
        if self._link.value is Link.CUT:
            raise Unreachable(f"{request.method} {request.path}: no connection: refused")
        if self._link.value is Link.BLACK_HOLE:
            await asyncio.sleep(self._settings.request_timeout)
            raise _silent(request)

    async def _read(self, request: Request, lines: AsyncIterator[bytes]) -> bytes | None:
        """The next line of a stream, as far as the link lets it through; None at the end."""
        try:
            async with asyncio.timeout_at(self._patience(request)) as scope:
                self._waiting.add(scope)
                try:
                    line = await anext(lines, None)
                    await self._link.wait_for(lambda link: link is not Link.BLACK_HOLE)
                finally:
                    self._waiting.discard(scope)
        except TimeoutError:
            line = None
            if self._link.value is not Link.CUT:
                raise _silent(request) from None
        if self._link.value is Link.CUT:
            raise _broken(request)
        return line

    def _patience(self, request: Request) -> float | None:
        """Until when, in loop time, a reader waits for a line: a silent watch is given up, as `kube.http` does."""
        if self._deadline is not None or ("watch", "true") not in request.query:
            return self._deadline
        return asyncio.get_running_loop().time() + self._settings.stream_idle

    # single faults

    async def _before(self, request: Request, fault: Drop | Hang | Refuse | Delay) -> None:
        match fault:
            case Drop():
                raise _broken(request)
            case Hang():
                await asyncio.sleep(self._settings.request_timeout)
                raise _silent(request)
            case Refuse():
                raise _refusal(request, fault)
            case Delay():
                await asyncio.sleep(fault.seconds)

    async def _remembered(self, request: Request) -> Response:
        """The true answer; lists of one page are kept for a StaleList."""
        answer = await self._client.send(request)
        if is_list(request) and not dig_str(parse(answer.body), "metadata", "continue"):
            self._lists.setdefault(_key(request), deque(maxlen=_MEMORY)).append(answer)
        return answer

    async def _stale(self, request: Request, fault: StaleList) -> Response:
        past = self._lists.get(_key(request), deque())
        if not is_list(request) or len(past) < fault.age:
            return await self._remembered(request)
        return past[-fault.age]

    async def _endless(self, request: Request) -> Response:
        plain = [(name, value) for name, value in request.query if name != "continue" or not value.startswith(_ENDLESS)]
        answer = await self._client.send(msgspec.structs.replace(request, query=tuple(plain)))
        body = as_map(parse(answer.body))
        turn = len(self.injected)  # a new token each time, or the client would notice at once
        metadata: JSONMap = {**dig_map(body, "metadata"), "continue": f"{_ENDLESS}{turn}"}
        return msgspec.structs.replace(answer, body=encode({**body, "metadata": metadata}))

    async def _lines(self, request: Request, lines: AsyncIterator[bytes], fault: Fault | None) -> AsyncIterator[bytes]:
        count = 0
        while True:
            if isinstance(fault, Reset | Hang | Junk | ErrorEvent) and count == fault.after:
                yield await self._interrupt(request, fault)
                if isinstance(fault, Junk) and fault.last:
                    yield await self._interrupt(request, ErrorEvent())
                    return
            line = await self._read(request, lines)
            if line is None:
                return
            yield line
            count += 1

    async def _interrupt(self, request: Request, fault: Reset | Hang | Junk | ErrorEvent) -> bytes:
        match fault:
            case Reset():
                raise _broken(request)
            case Hang():
                await asyncio.sleep(self._settings.stream_idle)
                raise _silent(request)
            case Junk():
                return fault.body
            case ErrorEvent():
                return encode({"type": "ERROR", "object": _status(Refuse(fault.code, fault.reason))})


def _key(request: Request) -> str:
    pairs = [f"{name}={value}" for name, value in request.query if name.endswith("Selector")]
    return f"{request.path}?{'&'.join(pairs)}"


def _status(fault: Refuse) -> JSONMap:
    details: JSONMap = {"retryAfterSeconds": fault.retry_after} if fault.retry_after else {}
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": fault.code,
        "reason": fault.reason,
        "message": fault.message or f"injected fault {fault.code} {fault.reason}".strip(),
        "details": details,
    }


def _refusal(request: Request, fault: Refuse) -> KubeError:
    headers = {"retry-after": str(fault.retry_after)} if fault.retry_after else {}
    body = b"" if fault.bare else encode(_status(fault))
    return error_of(request, fault.code, headers, body)


def _broken(request: Request) -> KubeError:
    return Unreachable(f"{request.method} {request.path}: the connection broke")


def _silent(request: Request) -> KubeError:
    return TimedOut(f"{request.method} {request.path}: no answer in time; the server or the way to it hangs")
