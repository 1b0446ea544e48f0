"""The raw differential run: the same requests to the sandbox and to a real server, whole answers side by side.

    SYM_REAL_KUBECONFIG=FILE python -m tests.contract.raw [SCRIPT…]

Statuses must be equal for all. Bodies may only differ in the places that `allowed.py` names, one by one; everything
else is unexplained and a bug of the sandbox. Uids, times and resourceVersions are left out of the comparison.
"""

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from sym.aio.env import LoopEnv
from sym.aio.virtual import VirtualLoop
from sym.model.codec import JSON, JSONMap, encode
from tests.contract import backends, ours, pods, sessions, sweep
from tests.contract.allowed import ALLOWED, Allowed
from tests.contract.player import differences, fresh_namespace, play
from tests.contract.steps import Answer, Normal, Step, Story
from tests.contract.stories import STORIES
from tests.contract.unsupported import UNSUPPORTED

_LEFT_OUT = {*pods.STORIES, *(name for name in STORIES if any(f"-{name}]" in test for test in UNSUPPORTED))}
"""What some server does not tell, and whatever a kubelet has written."""
SCRIPTS: Mapping[str, Story] = {
    **{f"story {name}": story for name, story in STORIES.items() if name not in _LEFT_OUT},
    **sweep.SCRIPTS,
    **sessions.SCRIPTS,
}
"""All scripts by name; each plays in a namespace of its own, on a sandbox of its own."""


FIGURES: list[str] = []
"""What a run within pytest has to say, for the end of it."""
_AT_A_TIME = 6
_ALONE = ("session", "story ours", "story forgotten", "story bookmarks", "story beginnings", "story watches")
"""Scripts that play with what the whole cluster has: CRDs and Nodes of fixed names, compaction, silence."""


class Whole(Normal):
    """Whole answers, whatever a story picks from them."""

    def answer(self, step: Step, answer: Answer) -> JSONMap:
        """Status, warning and body."""
        return super().answer(Step(method=step.method, path=step.path), answer)

    def _named(self, kind: str, value: str) -> str:
        del value
        return f"<{kind}>"


class Finding(Struct, frozen=True, kw_only=True):
    """One request whose two answers differ. `unexplained` are the differences that nothing allows."""

    script: str
    number: int
    request: str
    statuses: tuple[JSON, JSON]
    allowed: tuple[Allowed, ...]
    unexplained: tuple[tuple[str, JSON, JSON], ...]

    @property
    def other_status(self) -> bool:
        """Whether the codes differ, which nothing can allow."""
        return self.statuses[0] != self.statuses[1]


class Result(Struct, frozen=True):
    """A whole run."""

    requests: int
    findings: tuple[Finding, ...]

    @property
    def unexplained(self) -> tuple[Finding, ...]:
        """What must be mended."""
        return tuple(found for found in self.findings if found.unexplained or found.other_status)

    @property
    def unused(self) -> tuple[Allowed, ...]:
        """What is allowed and did not happen."""
        used = {id(one) for found in self.findings for one in found.allowed}
        return tuple(one for one in ALLOWED if id(one) not in used and not one.sometimes)

    def lines(self) -> Iterator[str]:
        """The figures of the run."""
        statuses = self.requests - sum(found.other_status for found in self.findings)
        bodies = sum(bool(found.allowed) and not found.unexplained for found in self.findings)
        yield f"requests                        {self.requests}"
        yield f"statuses equal                  {statuses}/{self.requests}"
        yield f"bodies equal                    {self.requests - len(self.findings)}"
        yield f"bodies with allowed differences {bodies}"
        yield f"unexplained                     {len(self.unexplained)}"
        reasons = Counter(one.reason for found in self.findings for one in set(found.allowed))
        yield from (f"  {count:4} allowed: {reason}" for reason, count in sorted(reasons.items()))


def compare(kubeconfig: bytes, names: Sequence[str] = ()) -> Result:
    """Play the scripts on both servers; all of them where none are named."""
    findings: list[Finding] = []
    requests = 0
    for name, truth in asyncio.run(_truths(kubeconfig, names or list(SCRIPTS))).items():
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            here = runner.run(_on_sandbox(SCRIPTS[name]))
        requests += len(truth)
        pairs = enumerate(zip(truth, here, strict=True))
        findings += [found for number, (one, other) in pairs if (found := _judged(name, number, one, other))]
    return Result(requests, tuple(findings))


async def _truths(kubeconfig: bytes, names: Sequence[str]) -> dict[str, list[JSONMap]]:
    """What the real server tells, several scripts at a time: most of their time is watches that end."""
    truths: dict[str, list[JSONMap]] = {}
    room = asyncio.Semaphore(_AT_A_TIME)

    async def tell(name: str) -> None:
        async with room:
            truths[name] = await _on_real(kubeconfig, SCRIPTS[name])

    async with asyncio.TaskGroup() as group:
        for name in names:
            if not name.startswith(_ALONE):
                group.create_task(tell(name), name=name)
    for name in names:
        if name.startswith(_ALONE):
            await tell(name)
    return truths


async def _on_real(kubeconfig: bytes, story: Story) -> list[JSONMap]:
    # a busy server takes its time to end our CRDs; the next script must find none
    async with backends.real(kubeconfig) as server:
        told = await play(server, story, fresh_namespace(), Whole)
        if story[-1:] == ours.REMOVE[-1:]:
            gone = tuple(Step(method="GET", path=path, until="404") for path in ours.DEFINITIONS)
            await play(server, gone, fresh_namespace(), Whole)
        return told


async def _on_sandbox(story: Story) -> list[JSONMap]:
    async with backends.sandbox(LoopEnv(0)) as cluster:
        return await play(backends.InProcess(cluster), story, fresh_namespace(), Whole)


def _judged(script: str, number: int, truth: JSONMap, ours: JSONMap) -> Finding | None:
    request = str(truth["step"])
    allowed: list[Allowed] = []
    unexplained: list[tuple[str, JSON, JSON]] = []
    for path, one, other in differences(truth, ours):
        reason = next((each for each in ALLOWED if _fits(each, f"{script}: {request}", path)), None)
        if reason is None or path == ".status":
            unexplained.append((path, one, other))
        else:
            allowed.append(reason)
    if not allowed and not unexplained:
        return None
    return Finding(
        script=script,
        number=number,
        request=request,
        statuses=(truth["status"], ours["status"]),
        allowed=tuple(allowed),
        unexplained=tuple(unexplained),
    )


def _fits(allowed: Allowed, request: str, path: str) -> bool:
    return bool(re.fullmatch(allowed.request, request) and re.fullmatch(allowed.path, path))


def report(result: Result) -> Iterator[str]:
    """What is unexplained, what is allowed in vain, and the figures."""
    for found in result.unexplained:
        yield f"--- {found.script} {found.number}: {found.request} -> {found.statuses[0]} here {found.statuses[1]}"
        for path, truth, here in found.unexplained:
            yield f"      {path}\n        real {_short(truth)}\n        ours {_short(here)}"
    yield from (f"allowed in vain: {one.request} {one.path}" for one in result.unused)
    yield from result.lines()


def _short(value: JSON) -> str:
    text = encode(value).decode()
    return text if len(text) < 500 else text[:500] + "…"


def main(names: Sequence[str]) -> int:
    """Run, print, and say whether all is explained."""
    chosen = [script for script in SCRIPTS if any(script.startswith(name) for name in names)] if names else []
    result = compare(Path(os.environ["SYM_REAL_KUBECONFIG"]).read_bytes(), chosen)
    sys.stdout.writelines(f"{line}\n" for line in report(result))
    return 1 if result.unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
