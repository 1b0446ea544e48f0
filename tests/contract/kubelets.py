"""Stories of logs and exec as far as the API server answers for the kubelet: what is refused before one is asked."""

from collections.abc import Mapping

from sym.model.codec import JSON, JSONMap
from tests.contract.builders import ACCOUNT, get, post
from tests.contract.steps import Step, Story

_PODS = "/api/v1/namespaces/{ns}/pods"
_TWO: list[JSON] = [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]


def _pod(name: str, containers: list[JSON]) -> JSONMap:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers}}


_MADE: Story = (
    ACCOUNT,
    post(_PODS, _pod("one", _TWO[:1]), only=("kind",)),
    post(_PODS, _pod("two", _TWO), only=("kind",)),
)
_LOGS: Story = (
    *_MADE,
    get(_PODS + "/one/log"),
    get(_PODS + "/two/log"),
    get(_PODS + "/two/log?container=nobody"),
    get(_PODS + "/one/log?container=nobody"),
    get(_PODS + "/none/log"),
    get(_PODS + "/one/log?tailLines=-1"),
    get(_PODS + "/one/log?limitBytes=0"),
    get(_PODS + "/one/log?sinceSeconds=0"),
    get(_PODS + "/one/log?sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z"),
    get(_PODS + "/one/log?tailLines=x", loose=True),
    get(_PODS + "/one/log?sinceTime=yesterday", loose=True),
    get(_PODS + "/one/log?follow=true&previous=true"),
    post(_PODS + "/one/log", {}),
)
_EXEC: Story = (
    *_MADE,
    get(_PODS + "/one/exec?command=ls&stdout=true"),
    get(_PODS + "/one/exec?command=ls"),
    get(_PODS + "/one/exec?stdout=true"),
    get(_PODS + "/two/exec?command=ls&stdout=true&container=nobody"),
    get(_PODS + "/two/exec?command=ls&stdout=true"),
    get(_PODS + "/none/exec?command=ls&stdout=true"),
    Step(method="PUT", path=_PODS + "/one/exec?command=ls&stdout=true", body={}),
)

STORIES: Mapping[str, Story] = {"logs": _LOGS, "exec": _EXEC}
