"""One simulated container: pulled, started, ready, or failing the way its image's name asks for.

It is a little machine: `step` says what it waits for, `due` until when (on the monotonic clock; None: for nothing).
Every turn gives the Events that a kubelet would write. Relies on `images` for the container's fate.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from sym.model.codec import JSONMap, dig, dig_list, dig_str
from sym.sandbox.store import timestamp
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.events import Note, normal, warning
from sym.sandbox.workloads.images import Ending, Fate, ending, fate, full_name, image_id, slow


class Step(Enum):
    """What a container waits for."""

    NEW = "to be started"
    PULL = "its image"
    PULL_FAILED = "the first back-off"
    PULL_BACKOFF = "the next try to pull"
    STARTED = "readiness"
    ENDING = "its end"
    CRASHING = "its exit"
    BACKOFF = "the next start"
    RUNS = "nothing"
    DONE = "nothing, it has ended"


class Life(NamedTuple):
    """One run of a container's process."""

    started: datetime
    finished: datetime | None = None
    exit_code: int = 0


class Place(NamedTuple):
    """Where a container lives: what its Events and messages name."""

    pod: str
    namespace: str
    uid: str
    restart_policy: str = "Always"
    init: bool = False


class Container:
    """A container of a pod, from creation to the pod's end."""

    def __init__(self, context: Context, place: Place, spec: JSONMap, pulled: set[str]) -> None:
        self._c = context
        self._place = place
        self._spec = spec
        self._pulled = pulled
        self._tries = 0
        self._waiting = ("PodInitializing" if place.init else "ContainerCreating", "")
        self.name = dig_str(spec, "name")
        self.image = dig_str(spec, "image")
        self.step = Step.NEW
        self.due: float | None = None
        self.ready = False
        self.restarts = 0
        self.life: Life | None = None
        self.previous: Life | None = None
        self.exit = asyncio.Event()
        """Set when the present life of the process ends; the next life has its own."""

    @property
    def spec(self) -> JSONMap:
        """The container as the pod's spec has it."""
        return self._spec

    @property
    def done(self) -> bool:
        """Whether it has ended for good."""
        return self.step is Step.DONE

    @property
    def failed(self) -> bool:
        """Whether it has ended badly for good."""
        return self.done and self.life is not None and self.life.exit_code != 0

    @property
    def up(self) -> bool:
        """Whether its process runs."""
        return self.step in (Step.STARTED, Step.CRASHING, Step.ENDING, Step.RUNS)

    @property
    def waiting(self) -> str:
        """Why it does not run, in one word."""
        return self._waiting[0]

    @property
    def sidecar(self) -> bool:
        """Whether it is an init container that stays."""
        return self._place.init and dig_str(self._spec, "restartPolicy") == "Always"

    def advance(self) -> Iterator[Note]:
        """Do everything that is due by now."""
        now = self._c.env.monotonic()
        if self.step is Step.NEW:
            yield from self._pull(now)
        while self.due is not None and self.due <= now:
            yield from self._turn(now)

    def swap(self, spec: JSONMap) -> Iterator[Note]:
        """Restart with another image, in place."""
        now = self._c.env.monotonic()
        self._spec, self.image = spec, dig_str(spec, "image")
        yield normal("Killing", f"Container {self.name} definition changed, will be restarted", self._path)
        if self.up:
            self._end(0)
            self.restarts += 1
        self._tries = 0
        yield from self._pull(now)

    def stop(self) -> Iterator[Note]:
        """Begin to end the process with its pod."""
        if self.up:
            yield normal("Killing", f"Stopping container {self.name}", self._path)

    def kill(self) -> None:
        """End the process: it had its grace period."""
        if self.up:
            self._end(0)
            self.life, self.previous = self.previous, None
        self.step, self.due, self.ready = Step.DONE, None, False

    def status(self) -> JSONMap:
        """The entry of `status.containerStatuses`."""
        shown: JSONMap = {
            "name": self.name,
            "image": full_name(self.image) if self.life else self.image,
            "imageID": image_id(self.image) if self.life else "",
            "ready": self.done and not self.failed if self._place.init and not self.sidecar else self.ready,
            "started": self.step in (Step.RUNS, Step.STARTED, Step.ENDING),
            "restartCount": self.restarts,
            "state": self._state(),
            "lastState": {"terminated": _terminated(self.previous, self._id)} if self.previous else {},
        }
        if self.life:
            shown["containerID"] = self._id
        return shown

    @property
    def _path(self) -> str:
        return f"spec.{'initContainers' if self._place.init else 'containers'}{{{self.name}}}"

    @property
    def _id(self) -> str:
        return f"sandbox://{self._place.uid}/{self.name}/{self.restarts}"

    def _state(self) -> JSONMap:
        if self.up and self.life is not None:
            return {"running": {"startedAt": timestamp(self.life.started)}}
        if self.done and self.life is not None:
            return {"terminated": _terminated(self.life, self._id)}
        reason, message = self._waiting
        return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}

    def _pull(self, now: float) -> Iterator[Note]:
        self.ready = False
        self.step = Step.PULL
        if self._cached():
            self.due = now
            return
        seconds = self._c.settings.slow_seconds if slow(self.image) else self._c.settings.pull_seconds
        self.due = now + self._c.engine.real(seconds)
        yield normal("Pulling", f'Pulling image "{self.image}"', self._path)

    def _cached(self) -> bool:
        policy = dig_str(self._spec, "imagePullPolicy") or (
            "Always" if full_name(self.image).endswith(":latest") else ""
        )
        return policy != "Always" and self.image in self._pulled

    def _turn(self, now: float) -> Iterator[Note]:
        match self.step:
            case Step.PULL:
                yield from self._pulled_or_not(now)
            case Step.PULL_FAILED:
                yield from self._back_off_pull(now)
            case Step.PULL_BACKOFF:
                yield from self._pull(now)
            case Step.STARTED:
                self._run(now)
            case Step.ENDING | Step.CRASHING:
                yield from self._finish(now)
            case Step.BACKOFF:
                self.restarts += 1
                yield from self._pull(now)
            case Step.NEW | Step.RUNS | Step.DONE:
                self.due = None

    def _pulled_or_not(self, now: float) -> Iterator[Note]:
        if fate(self.image) is not Fate.NOT_FOUND:
            yield from self._start(now)
            return
        name = full_name(self.image)
        words = f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": {name}: not found'
        error = f"rpc error: code = NotFound desc = {words}"
        self._waiting = ("ErrImagePull", error)
        self.step, self.due = Step.PULL_FAILED, now + self._c.engine.real(1.0)
        yield warning("Failed", f'Failed to pull image "{self.image}": {error}', self._path)
        yield warning("Failed", "Error: ErrImagePull", self._path)

    def _back_off_pull(self, now: float) -> Iterator[Note]:
        _, error = self._waiting
        self._waiting = ("ImagePullBackOff", f'Back-off pulling image "{self.image}": ErrImagePull: {error}')
        self.step, self.due = Step.PULL_BACKOFF, now + self._wait()
        yield normal("BackOff", f'Back-off pulling image "{self.image}"', self._path)
        yield warning("Failed", "Error: ImagePullBackOff", self._path)

    def _start(self, now: float) -> Iterator[Note]:
        if self._cached():
            yield normal("Pulled", f'Container image "{self.image}" already present on machine', self._path)
        else:
            self._pulled.add(self.image)
            seconds = self._c.settings.slow_seconds if slow(self.image) else self._c.settings.pull_seconds
            took = f"{seconds:g}s ({seconds:g}s including waiting)"
            yield normal("Pulled", f'Successfully pulled image "{self.image}" in {took}', self._path)
        yield normal("Created", f"Created container: {self.name}", self._path)
        yield normal("Started", f"Started container {self.name}", self._path)
        self.life, self.exit = Life(self._c.env.now()), asyncio.Event()
        if fate(self.image) is Fate.CRASHES:
            self.step, self.due = Step.CRASHING, now + self._c.engine.real(self._c.settings.crash_seconds)
        elif self._place.init and not self.sidecar:
            self._end(0)
            self.life, self.previous = self.previous, None
            self.step, self.due = Step.DONE, None
        else:
            delay = dig(self._spec, "readinessProbe", "initialDelaySeconds")
            seconds = self._c.settings.ready_seconds + (delay if isinstance(delay, int) else 0)
            self.step, self.due = Step.STARTED, now + self._c.engine.real(seconds)

    @property
    def _ending(self) -> Ending | None:
        """How it ends by itself; None where it is meant to stay."""
        if self._place.init or self._place.restart_policy == "Always":
            return None
        words = [*dig_list(self._spec, "command"), *dig_list(self._spec, "args")]
        return ending(self.image, [word for word in words if isinstance(word, str)])

    def _run(self, now: float) -> None:
        """Ready; what is meant to end will."""
        planned = self._ending
        if planned is None:
            self.step, self.due, self.ready = Step.RUNS, None, True
        else:
            self.step, self.due, self.ready = Step.ENDING, now + self._c.engine.real(planned.seconds or 0.0), True

    def _finish(self, now: float) -> Iterator[Note]:
        planned = self._ending
        code = planned.code if planned is not None and self.step is Step.ENDING else 1
        self._end(code)
        if self._place.restart_policy == "Never" or (code == 0 and self._place.restart_policy == "OnFailure"):
            self.life, self.previous = self.previous, None
            self.step, self.due = Step.DONE, None
        elif self.restarts == 0:
            self.restarts = 1
            self.step = Step.PULL
            self.due = now
        else:
            wait = self._wait()
            who = f"{self._place.pod}_{self._place.namespace}({self._place.uid})"
            seconds = round(wait * self._c.settings.speed)
            words = f"back-off {_clock(seconds)} restarting failed container={self.name} pod={who}"
            self._waiting = ("CrashLoopBackOff", words)
            self.step, self.due = Step.BACKOFF, now + wait
            yield warning("BackOff", f"Back-off restarting failed container {self.name} in pod {who}", self._path)

    def _wait(self) -> float:
        settings = self._c.settings
        seconds = min(settings.backoff_cap_seconds, settings.backoff_seconds * 2.0 ** min(self._tries, 20))
        self._tries += 1
        return self._c.engine.real(seconds)

    def _end(self, code: int) -> None:
        if self.life is not None:
            self.previous = Life(self.life.started, self._c.env.now(), code)
        self.exit.set()
        self.ready = False


def _clock(seconds: int) -> str:
    """A duration as Go prints it: 10s, 1m20s, 5m0s."""
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"


def _terminated(life: Life, container_id: str) -> JSONMap:
    return {
        "exitCode": life.exit_code,
        "reason": "Error" if life.exit_code else "Completed",
        "startedAt": timestamp(life.started),
        "finishedAt": timestamp(life.finished or life.started),
        "containerID": container_id,
    }
