"""Requests that nobody wrote the sandbox against: the same odd questions to every kind that it serves.

Most are refused. That is the point: how a server says no is what a fake gets wrong first.
"""

from collections.abc import Iterator, Mapping

from sym.model.codec import JSONMap
from sym.sandbox.resources import BUILTIN, Resource
from tests.contract.builders import ACCOUNT
from tests.contract.steps import APPLY, JSON_PATCH, MERGE, PARTIAL, PARTIAL_LIST, STRATEGIC, TABLE, Step, Story

_LEFT_OUT = frozenset({"namespaces", "nodes", "clusterroles", "clusterrolebindings"})
"""Cluster-wide: a real server has some of its own."""


_QUERIES = ("", "?limit=1", "?labelSelector=a%3Db", "?limit=-1", "?limit=x", "?watch=maybe&timeoutSeconds=1")


def _collection(resource: Resource) -> str:
    kind = resource.kind
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/{{ns}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"


def _named(resource: Resource, **fields: JSONMap) -> JSONMap:
    kind = resource.kind
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": "odd"}, **fields}


def _reads(resource: Resource) -> Iterator[Step]:
    path = _collection(resource)
    many = resource.kind.plural not in _LEFT_OUT
    for query in _QUERIES if many else ():
        yield Step(method="GET", path=path + query)
    yield Step(method="GET", path=path + "?labelSelector=none", accept=TABLE)
    yield Step(method="GET", path=path + "?labelSelector=none", accept=PARTIAL_LIST)
    yield Step(method="GET", path=path + "?labelSelector=none&watch=1&timeoutSeconds=1")
    yield Step(method="GET", path=path + "?fieldSelector=spec.nothing%3Dx")
    yield Step(method="GET", path=path + "?labelSelector=none&resourceVersion=99999999")
    yield Step(method="GET", path=path + "/none")
    yield Step(method="GET", path=path + "/none", accept=TABLE)
    yield Step(method="GET", path=path + "/none", accept=PARTIAL)
    yield Step(method="GET", path=path + "/none/status")
    yield Step(method="GET", path=path + "/none/scale")
    yield Step(method="GET", path=path + "/none/some/thing")


def _unnamed(resource: Resource) -> Iterator[Step]:
    """Objects that say too little of themselves."""
    path = _collection(resource)
    if resource.kind.plural == "services":
        return  # a real server looks half a minute for an address that it could give to a Service without a name
    yield Step(method="POST", path=path, body={})
    yield Step(method="POST", path=path, raw=b"null")
    yield Step(method="POST", path=path + "?dryRun=All", body={**_named(resource), "metadata": {"name": "Not A Name"}})


def _refused(resource: Resource) -> Iterator[Step]:
    path = _collection(resource)
    if resource.kind.plural == "pods":
        yield ACCOUNT
    yield from _unnamed(resource)
    yield Step(method="POST", path=path, body=[])
    yield Step(method="POST", path=path)
    yield Step(method="POST", path=path, body={"apiVersion": "v1", "kind": "Nothing", "metadata": {"name": "odd"}})
    yield Step(method="POST", path=path, body={**_named(resource), "metadata": {"name": 7}})
    yield Step(method="POST", path=path, body={**_named(resource), "metadata": []})
    yield Step(method="POST", path=path + "?fieldManager=" + "m" * 129, body=_named(resource))
    yield Step(method="PUT", path=path, body=_named(resource))
    yield Step(method="PUT", path=path + "/odd", body=_named(resource))
    yield Step(method="PATCH", path=path, body={}, media=MERGE)
    for media in (MERGE, STRATEGIC, JSON_PATCH, APPLY):
        yield Step(method="PATCH", path=path + "/odd", body=[] if media == JSON_PATCH else {}, media=media)
    yield Step(method="PATCH", path=path + "/odd", body={}, media="application/json")
    yield Step(method="DELETE", path=path + "/odd")
    yield Step(method="DELETE", path=path + "/odd", body={"kind": "DeleteOptions", "apiVersion": "v1", "odd": 1})
    yield Step(method="DELETE", path=path + "?labelSelector=none")
    yield Step(method="DELETE", path=path + "?labelSelector=a%20b")
    yield Step(method="POST", path=path + "/odd/status", body=_named(resource))
    yield Step(method="PUT", path=path + "/odd/status", body=_named(resource))
    yield Step(method="DELETE", path=path + "/odd/status")


def _made(resource: Resource) -> Iterator[Step]:
    """As little of an object as there can be, and what becomes of it."""
    path = _collection(resource)
    if resource.kind.plural == "pods":
        yield ACCOUNT
    yield Step(method="POST", path=path + "?dryRun=All", body=_named(resource))
    yield Step(method="POST", path=path + "?dryRun=All", body=_named(resource, spec={}))
    yield Step(method="POST", path=path + "?dryRun=All&fieldValidation=Strict", body=_named(resource, odd={}))
    yield Step(method="PATCH", path=path + "/odd?dryRun=All&fieldManager=m", body=_named(resource), media=APPLY)
    yield Step(method="PATCH", path=path + "/odd?dryRun=All&fieldManager=m", body=_named(resource, odd={}), media=APPLY)


_STORED = tuple(resource for resource in BUILTIN if resource.stored)
SCRIPTS: Mapping[str, Story] = {
    **{f"read {resource.kind.qualified}": tuple(_reads(resource)) for resource in _STORED},
    **{f"refused {resource.kind.qualified}": tuple(_refused(resource)) for resource in _STORED},
    **{f"made {resource.kind.qualified}": tuple(_made(resource)) for resource in _STORED},
}
