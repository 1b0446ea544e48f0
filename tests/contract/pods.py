"""Stories of pods that run: their logs, and commands in their containers. A node and its kubelet must work.

What a container logs is each server's own. Here it is two lines, as the sandbox's init container has them, and they
are compared by number: which lines are shown, and how. kwok, where it runs commands, runs them on this machine.
"""

from collections.abc import Mapping

from sym.model.codec import JSON, JSONMap
from tests.contract.builders import ACCOUNT, get, post
from tests.contract.steps import ENTER, Frame, Step, Story

_PODS = "/api/v1/namespaces/{ns}/pods"
_LOG = _PODS + "/solo/log?container=first"
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
_STDIN, _RESIZE, _CLOSE = 0, 4, 255


def _containers(*names: str) -> list[JSON]:
    return [{"name": name, "image": "shop:v1"} for name in names]


def _pod(name: str, containers: list[JSON], first: list[JSON]) -> JSONMap:
    spec: JSONMap = {
        "nodeName": "{nodes.items.0.metadata.name}",
        "initContainers": first,
        "containers": containers,
        "terminationGracePeriodSeconds": 0,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _runs(name: str) -> Step:
    return Step(method="GET", path=f"{_PODS}/{name}", until='"phase":"Running"', only=("status.phase",))


def _log(options: str) -> Step:
    return Step(method="GET", path=f"{_LOG}&{options}", lines=True)


def _enter(query: str, *frames: Frame, protocol: str = V5, only: tuple[str, ...] = ()) -> Step:
    return Step(method=ENTER, path=f"{_PODS}/{query}", media=protocol, frames=frames, only=only)


_MADE: Story = (
    Step(method="GET", path="/api/v1/nodes", until='"name":"node-', save="nodes", only=("kind",)),
    ACCOUNT,
    post(_PODS, _pod("solo", _containers("main"), _containers("first")), only=("kind",)),
    post(_PODS, _pod("pair", _containers("main", "side"), []), only=("kind",)),
    _runs("solo"),
    _runs("pair"),
)
_LOGS: Story = (
    *_MADE,
    Step(method="GET", path=_LOG, lines=True),
    _log("tailLines=1"),
    _log("tailLines=0"),
    _log("tailLines=100"),
    _log("limitBytes=8"),
    _log("limitBytes=100000"),
    _log("tailLines=1&limitBytes=3"),
    _log("timestamps=true"),
    _log("timestamps=true&tailLines=1"),
    _log("sinceTime=1960-01-01T00:00:00Z"),
    _log("sinceTime=2999-01-01T00:00:00Z"),
    _log("follow=true&limitBytes=8"),
    Step(method="GET", path=_LOG + "&previous=true", loose=True),
    get(_PODS + "/solo/log?container=nobody"),
    get(_PODS + "/pair/log"),
    get(_PODS + "/pair/log?container=nobody"),
    get(_PODS + "/none/log"),
    get(_LOG + "&tailLines=-1"),
)

_OUT = "&stdout=true&stderr=true"


def _argv(*words: str) -> str:
    return "solo/exec?" + "&".join(f"command={word}" for word in words)


_BOTH = _argv("sh", "-c", "echo%20out%3B%20echo%20err%20%3E%262")
_INPUT = (Frame(_STDIN, b"hello "), Frame(_STDIN, b"there\n"))
_END = Frame(_CLOSE, bytes((_STDIN,)))
_SIZE = Frame(_RESIZE, b'{"Width":120,"Height":40}')
_SCRIPT = (Frame(_STDIN, b"echo one\n"), Frame(_STDIN, b"echo two >&2\nexit 0\n"))


_ENTERED: Story = (
    *_MADE,
    _enter(_argv("echo", "hi") + _OUT),
    _enter(_argv("echo", "hi") + _OUT, protocol=V4),
    _enter(_BOTH + _OUT),
    _enter(_BOTH + _OUT, protocol=V4),
    _enter(_argv("echo", "a%20%20b", "%24HOME") + "&stdout=true"),
    _enter(_argv("sh", "-c", "sleep%201%3B%20stty%20size") + "&tty=true&stdin=true&stdout=true", _SIZE),
    _enter(_argv("sh", "-c", "sleep%201%3B%20stty%20size") + "&tty=true&stdin=true&stdout=true", _SIZE, protocol=V4),
    _enter(_argv("sh", "-c", "sleep%201%3B%20echo%20a%20%3E%262") + "&tty=true&stdin=true&stdout=true"),
    _enter(_argv("sh") + "&stdin=true" + _OUT, *_SCRIPT),
    _enter(_argv("sh") + "&stdin=true" + _OUT, *_SCRIPT, protocol=V4),
    _enter("pair/exec?command=echo&command=hi&container=side" + _OUT),
    _enter("solo/exec?command=ls"),
)
_REFUSED: Story = (
    *_MADE,
    *(
        _enter(query, protocol=protocol)
        for protocol in (V5, V4)
        for query in (
            "solo/exec?command=ls&stdout=true&container=nobody",
            "pair/exec?command=ls&stdout=true",
            "none/exec?command=ls&stdout=true",
        )
    ),
)
_INPUT_ENDS: Story = (*_MADE, _enter(_argv("cat") + "&stdin=true" + _OUT, *_INPUT, _END))
_CODE = ("end.status", "end.reason", "end.details", "stdout", "stderr")
_FAILED = _argv("sh", "-c", "echo%20x%3B%20exit%203") + _OUT
_CODES: Story = (
    *_MADE,
    _enter(_FAILED, only=_CODE),
    _enter(_FAILED, protocol=V4, only=_CODE),
    _enter(_argv("false") + _OUT, only=_CODE),
    _enter(_argv("sh", "-c", "no-such-program") + "&stdout=true", only=_CODE),
)

STORIES: Mapping[str, Story] = {
    "pod-logs": _LOGS,
    "pod-exec": _ENTERED,
    "pod-exec-refused": _REFUSED,
    "pod-exec-input-ends": _INPUT_ENDS,
    "pod-exec-codes": _CODES,
}
