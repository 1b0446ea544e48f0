"""Plays a story against a backend and gives what it said, comparable.

SYM_REAL_KUBECONFIG=FILE python -m tests.contract.player record [STORY…]    write what the real server says
SYM_REAL_KUBECONFIG=FILE python -m tests.contract.player diff [STORY…]      compare sandbox and real server
"""

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from sym.aio.env import SystemEnv
from sym.model.codec import JSON, JSONMap, dig_map, encode, parse
from tests.contract import backends, pods
from tests.contract.backends import Backend
from tests.contract.steps import COMPACT, ENTER, NAMESPACE, PROTOBUF, Answer, Normal, Step, Story, filled
from tests.contract.stories import STORIES
from tests.contract.unsupported import UNSUPPORTED

_TRIES, _PAUSE = 600, 0.1
_SEEN_BY_ALL = (
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/events",
    "/api/v1/namespaces/{}/secrets",
    "/api/v1/namespaces/{}/serviceaccounts",
    "/api/v1/namespaces/{}/services",
    "/api/v1/namespaces/{}/pods?gracePeriodSeconds=0",
    "/apis/apps/v1/namespaces/{}/deployments",
    "/apis/apps/v1/namespaces/{}/replicasets",
)
"""What would be seen from outside, or be there again in a namespace of the same name."""
_AGENT = {"User-Agent": "contract/1.0"}
RECORDED = Path(__file__).parent / "recorded"


async def play(backend: Backend, story: Story, namespace: str, form: Callable[[str], Normal] = Normal) -> list[JSONMap]:
    """The comparable answers of a story, in a namespace of its own, which is removed."""
    await _create_namespace(backend, namespace)
    normal = form(namespace)
    saved: dict[str, JSON] = {}
    told: list[JSONMap] = []
    try:
        for step in story:
            answer = await _ask(backend, step, namespace, saved)
            if step.save:
                saved[step.save] = answer.body
            told.append(normal.answer(step, answer))
    finally:
        await remove_namespace(backend, namespace)
    return told


async def _ask(backend: Backend, step: Step, namespace: str, saved: Mapping[str, JSON]) -> Answer:
    if step.method == COMPACT:
        await backend.compact()
        return Answer(status=200)
    if step.method == ENTER:
        return await backend.enter(filled(step.path, namespace, saved), step.media, step.frames)
    wanted = filled(step.until, namespace, saved)
    answer = Answer(status=0)
    for _ in range(_TRIES):
        answer = await backend.call(*_request(step, namespace, saved))
        if wanted in (str(answer.status) if wanted.isdigit() else encode(answer.body).decode()):
            return answer
        await asyncio.sleep(_PAUSE)
    return Answer(status=0, body=f"never said {wanted!r}, but {answer}")


def recorded(name: str) -> list[JSONMap]:
    """What the real server said to a story."""
    found = parse((RECORDED / f"{name}.json").read_bytes())
    return [dig_map(item) for item in found] if isinstance(found, list) else []


def _request(step: Step, namespace: str, saved: Mapping[str, JSON]) -> tuple[str, str, dict[str, str], bytes]:
    body = step.raw or (encode(step.body) if step.body is not None else b"")
    if step.media == PROTOBUF:
        body = body.replace(NAMESPACE.encode(), namespace.encode())
    else:
        body = filled(body.decode(), namespace, saved).encode()
    headers = {"Accept": step.accept, **_AGENT}
    headers |= {"Content-Type": step.media} if body or step.method in ("POST", "PUT", "PATCH") else {}
    return step.method, filled(step.path, namespace, saved), headers, body


async def _create_namespace(backend: Backend, namespace: str) -> None:
    body = encode({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    headers = {"Content-Type": "application/json", **_AGENT}
    answer = await backend.call("POST", "/api/v1/namespaces", headers, body)
    assert answer.status == 201, answer


async def remove_namespace(backend: Backend, namespace: str) -> None:
    """Do and say what a namespace controller would: a bare server has none."""
    path = f"/api/v1/namespaces/{namespace}"
    for kind in _SEEN_BY_ALL:
        await backend.call("DELETE", kind.format(namespace), _AGENT, b"")
    await backend.call("DELETE", path, {}, b"")
    body = encode({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}, "spec": {}})
    await backend.call("PUT", f"{path}/finalize", {"Content-Type": "application/json"}, body)


def fresh_namespace() -> str:
    """A namespace that nobody used before."""
    return f"contract-{secrets.token_hex(4)}"


async def _run(kubeconfig: bytes, mode: str, names: list[str]) -> None:
    async with backends.real(kubeconfig) as real:
        for name in names or [each for each in STORIES if f"test_told_as_recorded[real-{each}]" not in UNSUPPORTED]:
            truth = await play(real, STORIES[name], fresh_namespace())
            if mode == "record":
                pretty = msgspec.json.format(encode(truth), indent=1)
                (RECORDED / f"{name}.json").write_bytes(pretty + b"\n")
                sys.stdout.write(f"{name}: {len(truth)} answers recorded\n")
            else:
                sys.stdout.writelines(_report(name, truth, await _on_sandbox(name)))


async def _on_sandbox(name: str) -> list[JSONMap]:
    env = SystemEnv()
    async with backends.sandbox(env, works=name in pods.STORIES) as cluster, backends.https(cluster) as server:
        return await play(server, STORIES[name], fresh_namespace())


def _report(name: str, truth: list[JSONMap], ours: list[JSONMap]) -> Iterator[str]:
    for number, (one, other) in enumerate(zip(truth, ours, strict=True)):
        if one != other:
            yield f"--- {name} {number}: {one['step']}\n"
            for path, wanted, got in differences(one, other):
                yield f"      {path}\n        real {_short(wanted)}\n        ours {_short(got)}\n"


MISSING = "<absent>"


def differences(one: JSON, other: JSON, path: str = "") -> list[tuple[str, JSON, JSON]]:
    """(path, first, second) of everything in which two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted({*one, *other})
        return [
            found
            for name in names
            for found in differences(one.get(name, MISSING), other.get(name, MISSING), f"{path}.{name}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [found for index, (a, b) in pairs for found in differences(a, b, f"{path}[{index}]")]
    return [] if one == other and type(one) is type(other) else [(path, one, other)]


def _short(value: JSON) -> str:
    text = encode(value).decode()
    return text if len(text) < 400 else text[:400] + "…"


if __name__ == "__main__":
    asyncio.run(_run(Path(os.environ["SYM_REAL_KUBECONFIG"]).read_bytes(), sys.argv[1], sys.argv[2:]))
