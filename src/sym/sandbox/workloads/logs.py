"""What simulated containers log, and the options of `kubectl logs`.

Nothing is stored: a container's lines follow from when its process started and ended, so any number of pods costs
nothing until somebody reads. `open_log` refuses with a real server's words where there is nothing to read.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from sym.aio.env import Env
from sym.kube.errors import Cause
from sym.model.meta import Kind
from sym.sandbox.failures import bad_request, invalid
from sym.sandbox.store import Store
from sym.sandbox.workloads.containers import Life
from sym.sandbox.workloads.kubelet import Kubelet
from sym.sandbox.workloads.target import Target, find, waiting_words

BEAT_SECONDS = 5.0
"""A running container says something this often, in real seconds: somebody who follows sees that it lives."""
_OPTIONS = Kind("", "v1", "PodLogOptions", "pods")
_WAITS = {"ErrImagePull": "trying and failing to pull image", "ImagePullBackOff": "trying and failing to pull image"}


class LogOptions(Struct, frozen=True, kw_only=True):
    """The query of a log call."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None


class Line(NamedTuple):
    """One line of a log."""

    at: datetime
    text: str


def options(pod: str, query: Mapping[str, str], now: datetime) -> LogOptions:
    """The options in a query. Raises Refusal where a number or a time is none, or cannot be meant."""
    seconds = _number(pod, query, "sinceSeconds", 1)
    if seconds is not None and "sinceTime" in query:
        why = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        raise invalid(_OPTIONS, pod, [Cause("[]", why, "FieldValueForbidden")])
    return LogOptions(
        container=query.get("container", ""),
        follow=_flag(query, "follow"),
        previous=_flag(query, "previous"),
        timestamps=_flag(query, "timestamps"),
        tail=_number(pod, query, "tailLines", 0),
        limit_bytes=_number(pod, query, "limitBytes", 1),
        since=now - timedelta(seconds=seconds) if seconds is not None else _moment(query.get("sinceTime", "")),
    )


class Log:
    """A container's log, opened: `lines()` is what there is, `follow()` goes on until the container ends."""

    def __init__(self, env: Env, target: Target, life: Life, asked: LogOptions) -> None:
        self._env = env
        self._target = target
        self._life = life
        self._asked = asked
        self._left = asked.limit_bytes
        self._exit = target.container.exit

    def text(self) -> bytes:
        """Everything up to now."""
        return b"".join(self._cut(self._shown(self._env.now(), self._asked.tail)))

    async def follow(self) -> AsyncIterator[bytes]:
        """Everything up to now, then each line as it comes, until the container's process has ended."""
        seen = self._env.now()
        for piece in self._cut(self._shown(seen, self._asked.tail)):
            yield piece
        while self._left != 0:
            over = self._over()
            if not over:
                await self._next_beat()
            now = self._env.now()
            fresh = [line for line in _lines(self._target, self._present(), now) if line.at > seen]
            seen = now
            for piece in self._cut(fresh):
                yield piece
            if over:
                return

    async def _next_beat(self) -> None:
        """Wait for the next line, or for the process to end."""
        age = (self._env.now() - self._life.started).total_seconds()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS - age % BEAT_SECONDS + 0.001):
                await self._exit.wait()

    def _present(self) -> Life:
        """The life that is read, with its end once it has one."""
        container = self._target.container
        for known in (container.previous, container.life):
            if known is not None and known.started == self._life.started:
                return known
        return self._life

    def _over(self) -> bool:
        container = self._target.container
        return container.life is None or container.life.started != self._life.started or not container.up

    def _shown(self, now: datetime, tail: int | None) -> list[Line]:
        since = self._asked.since
        found = [line for line in _lines(self._target, self._present(), now) if since is None or line.at >= since]
        return found if tail is None else found[len(found) - min(tail, len(found)) :]

    def _cut(self, found: list[Line]) -> Iterator[bytes]:
        for line in found:
            stamp = f"{line.at.strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z " if self._asked.timestamps else ""
            piece = f"{stamp}{line.text}\n".encode()
            if self._left is not None:
                piece = piece[: self._left]
                self._left -= len(piece)
            if piece:
                yield piece


def open_log(store: Store, kubelet: Kubelet, env: Env, pod: tuple[str, str], asked: LogOptions) -> Log:
    """The log of a container of `pod` (namespace, name). Raises Refusal."""
    target = find(store, kubelet, *pod, asked.container)
    container = target.container
    if asked.previous:
        if container.previous is None:
            words = f'previous terminated container "{container.name}" in pod "{target.pod_name}" not found'
            raise bad_request(words)
        return Log(env, target, container.previous, asked)
    life = container.life
    if life is None:
        waiting = container.waiting
        raise bad_request(waiting_words(container.name, target.pod_name, _WAITS.get(waiting, waiting)))
    return Log(env, target, life, asked)


def _lines(target: Target, life: Life, until: datetime) -> Iterator[Line]:
    """What a process wrote from its start to its end, or until now."""
    name, image = target.container.name, target.container.image
    yield Line(life.started, f"{name}: started {image} in pod {target.pod_name} on {target.run.host.node}")
    end = min(life.finished or until, until)
    beats = int((end - life.started).total_seconds() // BEAT_SECONDS)
    for beat in range(1, beats + 1):
        yield Line(life.started + timedelta(seconds=BEAT_SECONDS * beat), f"{name}: alive, beat {beat}")
    if life.finished is not None and life.finished <= until:
        crashed = f"{name}: fatal: simulated crash, because the image is named {image}"
        yield Line(life.finished, crashed if life.exit_code else f"{name}: stopped")


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in ("true", "1", "t")


def _number(pod: str, query: Mapping[str, str], name: str, least: int) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        value = int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if value < least:
        wanted = "greater than 0" if least else "greater than or equal to 0"
        cause = Cause(name, f"Invalid value: {value}: must be {wanted}", "FieldValueInvalid")
        raise invalid(_OPTIONS, pod, [cause])
    return value


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        form = "2006-01-02T15:04:05Z07:00"
        raise bad_request(f'parsing time "{text}" as "{form}": cannot parse "{text}" as "2006"') from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
