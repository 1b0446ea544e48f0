"""Whose an object is: the master's mark on its AppSet, the owner record on all that came of it, the tombstone.

Ids are random, minted once, and valid only together with the AppSet's namespace and name; uids are only preconditions
of a single call. Source: semantics.md 4 and 7.
"""

from collections.abc import Iterable
from typing import Self

from msgspec import Struct

from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AppSet
from sym.model.codec import JSON, DecodeError, JSONMap, decode, encode, to_json
from sym.model.kinds import APPSET
from sym.model.meta import META, Kind, Object
from sym.plan.types import Apply, Owner
from sym.plan.views import AppSetView

EPOCH = 0
"""The master's epoch. Always 0 until fencing exists."""


class Mark(Struct, frozen=True, kw_only=True):
    """What the master notes on an AppSet before it writes anything for it.

    `install_hash` is the content with which the AppSet was first installed; `clusters` are those that were written to
    and have not confirmed that nothing is left.
    """

    app_id: str
    install_hash: str = ""
    clusters: frozenset[str] = frozenset()

    @classmethod
    def of(cls, app: AppSet) -> Self | None:
        """The mark on `app`, or None if it has none. What a `kubectl replace` dropped comes back from the status: the
        id itself, and as clusters all that the status tells of."""
        annotations = app.metadata.annotations
        app_id = annotations.get(names.APP_ID, "") or app.status.app_id
        if not app_id:
            return None
        told = () if names.CLUSTERS in annotations else (row.name for row in app.status.aggr_status.clusters)
        clusters = {*listed(annotations.get(names.CLUSTERS, "")), *told}
        return cls(
            app_id=app_id, install_hash=annotations.get(names.INSTALL_HASH, ""), clusters=frozenset(clusters - {META})
        )

    def stands_on(self, app: AppSet) -> bool:
        """Whether `app` bears exactly this mark and our finalizer."""
        annotations = app.metadata.annotations
        return names.FINALIZER in app.metadata.finalizers and self._annotations() == {
            key: annotations[key] for key in (names.APP_ID, names.INSTALL_HASH, names.CLUSTERS) if key in annotations
        }

    def write(self, app: AppSet) -> Apply:
        """The write that puts this mark and our finalizer on `app`, if it still is as we read it. Forced: nobody else
        has a say in annotations under our own prefix, and one who wrote there must not hold up the rest for ever."""
        ours = [names.FINALIZER] if names.FINALIZER in app.metadata.finalizers or not app.deleting else []
        body = body_for(APPSET, app, annotations=to_json(self._annotations()), finalizers=to_json(ours))
        return Apply(cluster=META, kind=APPSET, body=body, manager=names.MASTER, force=True)

    def _annotations(self) -> dict[str, str]:
        return {
            names.APP_ID: self.app_id,
            names.INSTALL_HASH: self.install_hash,
            names.CLUSTERS: ",".join(sorted(self.clusters)),
        }


class Tombstone(Struct, frozen=True, rename={"app_id": "appID"}):
    """The master's word that one AdvDeployment shall end together with its workloads. `uid` is that AdvDeployment's."""

    app_id: str
    epoch: int
    uid: str

    @classmethod
    def on(cls, obj: Object) -> Self | None:
        """The tombstone on `obj`, or None if there is none that can be read."""
        try:
            return decode(obj.metadata.annotations.get(names.TOMBSTONE, ""), cls)
        except DecodeError:
            return None

    def valid(self, obj: Object, app_id: str, epoch: int) -> bool:
        """Whether it means `obj` itself, of app `app_id`, and no epoch above its own was seen."""
        return (self.app_id, self.uid) == (app_id, obj.metadata.uid) and self.epoch >= epoch

    @property
    def text(self) -> str:
        """The annotation's value."""
        return encode(self).decode()


def owner_of(obj: Object) -> Owner | None:
    """The owner that `obj`'s record names, or None if it bears none. An AdvDeployment has its AppSet's name."""
    annotations = obj.metadata.annotations
    if not annotations.get(names.APP_ID):
        return None
    return Owner(
        fleet_id=annotations.get(names.FLEET_ID, ""),
        app_id=annotations[names.APP_ID],
        namespace=obj.metadata.namespace,
        name=obj.metadata.name,
    )


def owned(obj: Object, owner: Owner) -> bool:
    """Whether `obj` bears `owner`'s record. The ids count only together with the AppSet's name, which its label `app`
    says: a manifest copied under another name copies the ids too. A label that was taken off proves nothing."""
    return recorded(obj, owner) and obj.metadata.labels.get(names.APP, owner.name) == owner.name


def own_child(view: AppSetView, owner: Owner, cluster: str) -> AdvDeployment | None:
    """The child in `cluster`, if there is one and it is ours."""
    child = view.children.get(cluster)
    return child if child is not None and owned(child, owner) else None


def recorded(obj: Object, owner: Owner) -> bool:
    """Whether `obj`, whose own name holds the AppSet's, bears `owner`'s ids in its namespace. What Helm made bears them
    so that it is found, but belongs to its release alone."""
    annotations = obj.metadata.annotations
    ids = (annotations.get(names.FLEET_ID, ""), annotations.get(names.APP_ID, ""), obj.metadata.namespace)
    ours = bool(owner.app_id) and ids == (owner.fleet_id, owner.app_id, owner.namespace)
    return ours and names.HELM_RELEASE not in annotations


def adopted(obj: Object, revision: str) -> bool:
    """Whether `obj` was adopted for this very content and has carried no other since: its pods are left as they are."""
    annotations = obj.metadata.annotations
    return annotations.get(names.ADOPTED) == revision and annotations.get(names.REVISION, revision) == revision


def record(owner: Owner) -> dict[str, str]:
    """The annotations that make an object `owner`'s."""
    return {names.FLEET_ID: owner.fleet_id, names.APP_ID: owner.app_id}


def body_for(kind: Kind, obj: Object, **metadata: JSON) -> JSONMap:
    """The beginning of an apply that must meet exactly the object that was read: `metadata` and its preconditions."""
    meta = obj.metadata
    exact: JSONMap = {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid}
    exact["resourceVersion"] = meta.resource_version
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": exact | metadata}


def body_of_new(kind: Kind, namespace: str, name: str, **metadata: JSON) -> JSONMap:
    """The beginning of a create."""
    where: JSONMap = {"name": name, "namespace": namespace}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": where | metadata}


def without_ours(finalizers: Iterable[str]) -> tuple[str, ...]:
    """`finalizers` without Sym's own and its ancestor's."""
    return tuple(each for each in finalizers if each not in {names.FINALIZER, names.ANCESTOR_FINALIZER})


def listed(text: str) -> frozenset[str]:
    """The names in a comma-separated annotation."""
    return frozenset(name.strip() for name in text.split(",")) - {""}
