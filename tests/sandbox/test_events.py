"""Events under both of their names: one collection, two spellings. Expectations are those of kube-apiserver 1.34."""

import pytest

from sym.aio.env import LoopEnv
from sym.kube.requests import MERGE_TYPE
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox.admission import STRATEGIC_TYPE
from sym.sandbox.cluster import SandboxCluster
from sym.settings import SandboxSettings
from tests.sandbox.raw import ask, frames

pytestmark = pytest.mark.anyio

NEWER = "/apis/events.k8s.io/v1/namespaces/default/events"
OLDER = "/api/v1/namespaces/default/events"
TIME = "2026-01-01T00:00:00.000000Z"
ABOUT: JSONMap = {"kind": "Pod", "namespace": "default", "name": "p"}


def event(**fields: JSON) -> JSONMap:
    """An Event as the scheduler posts it."""
    meta: JSONMap = {"name": "e", "namespace": "default"}
    said: JSONMap = {"action": "Binding", "reason": "Scheduled", "note": "to n", "type": "Normal", "regarding": ABOUT}
    by: JSONMap = {"eventTime": TIME, "reportingController": "default-scheduler", "reportingInstance": "s-1"}
    return {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": meta, **by, **said, **fields}


@pytest.fixture
async def cluster(env: LoopEnv) -> SandboxCluster:
    """A cluster in which nothing works and one Event is."""
    made = SandboxCluster("one", env, SandboxSettings())
    assert ask(made, "POST", NEWER, event())[0] == 201
    return made


async def test_each_api_shows_it_in_its_own_words(cluster: SandboxCluster) -> None:
    _, newer = ask(cluster, "GET", f"{NEWER}/e")
    _, older = ask(cluster, "GET", f"{OLDER}/e")
    assert dig_map(newer, "metadata") == dig_map(older, "metadata")
    owned = dig_map(newer, "metadata", "managedFields", 0)
    assert (owned["apiVersion"], "f:note" in dig_map(owned, "fieldsV1")) == ("events.k8s.io/v1", True)
    del newer["metadata"], older["metadata"]
    assert newer == {
        "kind": "Event",
        "apiVersion": "events.k8s.io/v1",
        "eventTime": TIME,
        "reportingController": "default-scheduler",
        "reportingInstance": "s-1",
        "action": "Binding",
        "reason": "Scheduled",
        "regarding": ABOUT,
        "note": "to n",
        "type": "Normal",
        "deprecatedSource": {},
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
    }
    assert older == {
        "kind": "Event",
        "apiVersion": "v1",
        "involvedObject": ABOUT,
        "reason": "Scheduled",
        "message": "to n",
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "type": "Normal",
        "eventTime": TIME,
        "action": "Binding",
        "reportingComponent": "default-scheduler",
        "reportingInstance": "s-1",
    }


@pytest.mark.parametrize(("path", "name"), [(NEWER, "regarding"), (OLDER, "involvedObject")])
async def test_lists_and_selectors_use_their_own_names(cluster: SandboxCluster, path: str, name: str) -> None:
    _, found = ask(cluster, "GET", f"{path}?fieldSelector={name}.kind=Pod,reason=Scheduled")
    (item,) = dig_list(found, "items")
    assert (dig(item, name), "kind" in dig_map(item)) == (ABOUT, False)
    assert dig_list(ask(cluster, "GET", f"{path}?fieldSelector={name}.kind=Node")[1], "items") == []


@pytest.mark.parametrize(("path", "name"), [(NEWER, "note"), (OLDER, "message")])
async def test_watches_show_their_own_names(cluster: SandboxCluster, path: str, name: str) -> None:
    shown = await frames(cluster, f"{path}?watch=1&resourceVersion=0&timeoutSeconds=1")
    assert [(dig(frame, "type"), dig(frame, "object", name)) for frame in shown] == [("ADDED", "to n")]


@pytest.mark.parametrize("path", [NEWER, OLDER])
async def test_tables_name_who_reported_it(cluster: SandboxCluster, path: str) -> None:
    _, table = ask(cluster, "GET", path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    cells = dig_list(table, "rows", 0, "cells")
    assert cells[1:7] == ["Normal", "Scheduled", "pod/p", "", "default-scheduler, s-1", "to n"]


async def test_a_series_is_patched_and_everything_else_stays(cluster: SandboxCluster) -> None:
    series: JSONMap = {"count": 2, "lastObservedTime": TIME}
    assert ask(cluster, "PATCH", f"{NEWER}/e", {"series": series}, STRATEGIC_TYPE)[0] == 200
    assert dig(ask(cluster, "GET", f"{OLDER}/e")[1], "series") == series
    code, status = ask(cluster, "PATCH", f"{NEWER}/e", {"note": "other"}, MERGE_TYPE)
    assert code == 422
    assert status["message"] == 'Event "e" is invalid: message: Invalid value: "other": field is immutable'


async def test_an_event_without_its_time_is_refused(cluster: SandboxCluster) -> None:
    code, status = ask(cluster, "POST", NEWER, event(eventTime=None, metadata={"name": "f"}))
    assert (code, status["message"]) == (422, 'Event "f" is invalid: eventTime: Required value')


async def test_what_one_api_deletes_is_gone_in_the_other(cluster: SandboxCluster) -> None:
    _, status = ask(cluster, "DELETE", f"{NEWER}/e")
    assert (dig_str(status, "details", "group"), dig_str(status, "details", "kind")) == ("events.k8s.io", "events")
    assert ask(cluster, "GET", f"{OLDER}/e")[0] == 404
