"""Nobody decides on a cache that is older than our own writes."""

import asyncio

import pytest

from sym.aio.env import LoopEnv
from sym.clusters.expectations import Expectations
from sym.kube.store import Applied, Bookmark, Deleted, Replaced, Store
from sym.model.kinds import ADVDEPLOYMENT, SERVICE
from sym.model.meta import Kind, Object, ObjectMeta, Ref

pytestmark = pytest.mark.anyio

APP = Ref("", "default", "bbcc")
CHILD = Ref("bj4", "default", "bbcc")


def child(version: str, uid: str = "u1") -> Object:
    return Object(metadata=ObjectMeta(namespace="default", name="bbcc", uid=uid, resource_version=version))


class Cache:
    """A store of AdvDeployments in bj4, and expectations that look at it."""

    def __init__(self, env: LoopEnv) -> None:
        self.store: Store[Object] = Store("bj4")
        self.store.handle(Replaced(items=(child("5"),), resource_version="9"))
        self.expectations = Expectations(self._look, env, 30.0)

    def _look(self, kind: Kind, ref: Ref) -> Store[Object] | None:
        return self.store if (kind, ref.cluster) == (ADVDEPLOYMENT, "bj4") else None

    def wrote(self, version: str) -> None:
        self.expectations.wrote(APP, ADVDEPLOYMENT, CHILD, version)

    def met(self) -> bool:
        return self.expectations.met(APP)


async def test_nothing_written_nothing_awaited(env: LoopEnv) -> None:
    assert Cache(env).met()


async def test_a_write_is_awaited_until_the_cache_shows_it(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.wrote("12")
    assert not cache.met()
    cache.store.handle(Applied(item=child("12")))
    assert cache.met()


async def test_any_later_event_or_bookmark_of_the_kind_shows_that_the_cache_has_passed_it(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.wrote("12")
    cache.store.handle(Bookmark(resource_version="11"))
    assert not cache.met()
    cache.store.handle(Bookmark(resource_version="13"))
    assert cache.met()


async def test_versions_are_compared_as_numbers(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.wrote("100")
    cache.store.handle(Bookmark(resource_version="99"))
    assert not cache.met()


async def test_a_write_that_changed_nothing_is_not_awaited(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.wrote("5")
    assert cache.met()


async def test_every_write_is_awaited_not_only_the_last(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.wrote("12")
    cache.expectations.wrote(APP, ADVDEPLOYMENT, Ref("bj4", "default", "other"), "20")
    cache.store.handle(Applied(item=child("12")))
    assert not cache.met()
    cache.store.handle(Bookmark(resource_version="20"))
    assert cache.met()


async def test_others_need_not_wait(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.wrote("12")
    assert cache.expectations.met(Ref("", "default", "another"))


async def test_a_deletion_is_awaited_until_the_object_is_gone_or_going(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.expectations.deleted(APP, ADVDEPLOYMENT, CHILD, "u1")
    assert not cache.met()
    cache.store.handle(Deleted(namespace="default", name="bbcc", resource_version="14"))
    assert cache.met()


async def test_a_namesake_made_after_a_deletion_is_another_object(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.expectations.deleted(APP, ADVDEPLOYMENT, CHILD, "u1")
    cache.store.handle(Applied(item=child("15", uid="u2")))
    assert cache.met()


async def test_what_nobody_watches_is_not_awaited(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.expectations.wrote(APP, SERVICE, CHILD, "12")
    assert cache.met()


async def test_a_write_that_is_never_seen_is_forgotten_after_a_while(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.wrote("12")
    await asyncio.sleep(29)
    assert not cache.met()
    await asyncio.sleep(2)
    assert cache.met()
    assert cache.expectations.expired == 1


async def test_a_key_that_is_gone_keeps_nothing(env: LoopEnv) -> None:
    cache = Cache(env)
    cache.wrote("12")
    cache.expectations.forget(APP)
    assert cache.met()
