"""The master's mark, owner records and tombstones."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from sym.model import names
from sym.model.appset import AggrStatus, AppSet, AppSetStatus, ClusterStatus
from sym.model.codec import dig
from sym.model.meta import ObjectMeta
from sym.plan.ownership import Mark, Tombstone, listed, owned, owner_of, record, without_ours
from sym.plan.types import Owner

OWNER = Owner(fleet_id="f", app_id="a", namespace="default", name="bbcc")
META = ObjectMeta(name="bbcc", namespace="default", uid="u", resource_version="7", generation=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MARK = Mark(app_id="a", install_hash="h", clusters=frozenset({"two", "one"}))
ANNOTATIONS = {names.APP_ID: "a", names.INSTALL_HASH: "h", names.CLUSTERS: "one,two"}


UNTOLD = AppSetStatus()


def app(annotations: Mapping[str, str], finalizers: tuple[str, ...] = (), status: AppSetStatus = UNTOLD) -> AppSet:
    """An AppSet with these annotations."""
    return AppSet(metadata=replace(META, annotations=annotations, finalizers=finalizers), status=status)


def test_a_mark_is_read_as_it_was_written() -> None:
    written = MARK.write(app({})).body
    assert dig(written, "metadata", "annotations") == ANNOTATIONS
    assert dig(written, "metadata", "finalizers") == [names.FINALIZER]
    assert (dig(written, "metadata", "uid"), dig(written, "metadata", "resourceVersion")) == ("u", "7")
    assert Mark.of(app(ANNOTATIONS)) == MARK
    assert MARK.stands_on(app(ANNOTATIONS, (names.FINALIZER,)))


def test_a_mark_does_not_stand_where_anything_of_it_is_missing() -> None:
    assert not MARK.stands_on(app(ANNOTATIONS))
    for key in ANNOTATIONS:
        assert not MARK.stands_on(app({**ANNOTATIONS, key: "other"}, (names.FINALIZER,)))
        assert not MARK.stands_on(app({k: v for k, v in ANNOTATIONS.items() if k != key}, (names.FINALIZER,)))


def test_no_finalizer_is_added_to_what_is_being_deleted() -> None:
    meta = replace(META, finalizers=(names.ANCESTOR_FINALIZER,), deletion_timestamp=NOW)
    assert dig(MARK.write(AppSet(metadata=meta)).body, "metadata", "finalizers") == []


def test_an_unmarked_appset_has_no_mark() -> None:
    assert Mark.of(app({})) is None


def test_what_a_replace_dropped_comes_back_from_the_status() -> None:
    rows = (ClusterStatus(name="one"), ClusterStatus(name="three"))
    status = AppSetStatus(app_id="a", aggr_status=AggrStatus(clusters=rows))
    assert Mark.of(app({}, status=status)) == Mark(app_id="a", clusters=frozenset({"one", "three"}))
    assert Mark.of(app(ANNOTATIONS, status=status)) == MARK


def test_the_annotation_counts_before_the_status() -> None:
    mark = Mark.of(app(ANNOTATIONS, status=AppSetStatus(app_id="old")))
    assert mark is not None
    assert mark.app_id == "a"


@pytest.mark.parametrize("changed", [{"app_id": "x"}, {"fleet_id": "x"}, {"namespace": "x"}, {"app_id": ""}])
def test_a_record_is_ours_only_if_all_of_it_is(changed: dict[str, str]) -> None:
    obj = AppSet(metadata=replace(META, annotations=record(OWNER)))
    assert owned(obj, OWNER)
    assert owner_of(obj) == OWNER
    assert not owned(obj, replace(OWNER, **changed))


def test_what_has_no_record_belongs_to_nobody() -> None:
    assert owner_of(app({})) is None
    assert not owned(app({}), Owner(fleet_id="", app_id="", namespace="default", name="bbcc"))


@pytest.mark.parametrize(
    ("stone", "epoch", "valid"),
    [
        (Tombstone(app_id="a", epoch=0, uid="u"), 0, True),
        (Tombstone(app_id="a", epoch=2, uid="u"), 1, True),
        (Tombstone(app_id="a", epoch=0, uid="u"), 1, False),
        (Tombstone(app_id="b", epoch=0, uid="u"), 0, False),
        (Tombstone(app_id="a", epoch=0, uid="v"), 0, False),
    ],
)
def test_a_tombstone_means_one_object_of_one_app(stone: Tombstone, epoch: int, *, valid: bool) -> None:
    buried = app({names.TOMBSTONE: stone.text})
    assert Tombstone.on(buried) == stone
    assert stone.valid(buried, "a", epoch) is valid


@pytest.mark.parametrize("text", ["", "yes", "[]", '{"appID": "a"}', '{"appID": 1, "epoch": 0, "uid": "u"}'])
def test_what_cannot_be_read_is_no_tombstone(text: str) -> None:
    assert Tombstone.on(app({names.TOMBSTONE: text})) is None


def test_the_ancestors_finalizer_goes_too() -> None:
    assert without_ours(("x", names.FINALIZER, names.ANCESTOR_FINALIZER, "y")) == ("x", "y")


def test_lists_in_annotations() -> None:
    assert listed(" a, b,,a ") == {"a", "b"}


def test_a_mark_is_forced_so_that_one_who_wrote_there_holds_up_nothing() -> None:
    assert MARK.write(app({})).force


def test_ids_copied_to_another_name_own_nothing() -> None:
    meta = replace(META, annotations=record(OWNER))
    assert owned(AppSet(metadata=meta), OWNER)
    assert owned(AppSet(metadata=replace(meta, labels={names.APP: "bbcc"})), OWNER)
    assert not owned(AppSet(metadata=replace(meta, labels={names.APP: "original"})), OWNER)


def test_what_helm_made_is_its_releases() -> None:
    marks = {**record(OWNER), names.HELM_RELEASE: "bbcc-blue"}
    metadata = ObjectMeta(name="bbcc-blue", namespace=OWNER.namespace, labels={names.APP: OWNER.name})
    assert owned(AppSet(metadata=replace(metadata, annotations=record(OWNER))), OWNER)
    assert not owned(AppSet(metadata=replace(metadata, annotations=marks)), OWNER)
