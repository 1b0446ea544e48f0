"""Kinds, keys and metadata."""

from datetime import UTC, datetime

from sym.model.kinds import APPSET, CLUSTER, DEPLOYMENT, OURS, POD
from sym.model.meta import META, Object, ObjectMeta, Ref


def test_a_kind_knows_where_its_objects_are() -> None:
    assert (DEPLOYMENT.api_version, DEPLOYMENT.qualified) == ("apps/v1", "deployments.apps")
    assert (POD.api_version, POD.qualified) == ("v1", "pods")
    assert APPSET.qualified == "appsets.workload.dmall.com"
    assert CLUSTER in OURS


def test_a_ref_reads_as_people_write_it() -> None:
    assert str(Ref(META, "default", "bbcc")) == "default/bbcc"
    assert str(Ref("one", "default", "bbcc")) == "default/bbcc@one"
    assert str(Ref("one", "", "node-1")) == "node-1@one"


def test_an_object_knows_its_key_and_its_end() -> None:
    alive = Object(metadata=ObjectMeta(name="bbcc", namespace="default"))
    assert alive.ref("one") == Ref("one", "default", "bbcc")
    assert not alive.deleting
    assert Object(metadata=ObjectMeta(deletion_timestamp=datetime(2026, 1, 1, tzinfo=UTC))).deleting
