"""The cache: indexes, synthesised deletes, and that no key ever goes back in time."""

from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from sym.kube.store import Applied, Bookmark, Change, Deleted, Event, Replaced, Store
from sym.model.meta import Object, ObjectMeta, Ref


def item(name: str, version: int | str, *, uid: str = "", **labels: str) -> Object:
    """An object of namespace `d`."""
    meta = ObjectMeta(name=name, namespace="d", uid=uid or f"u-{name}", resource_version=str(version), labels=labels)
    return Object(metadata=meta)


def deleted(name: str, version: int | str) -> Deleted:
    """Its end."""
    return Deleted(namespace="d", name=name, resource_version=str(version))


def listed(version: int | str, *items: Object, rewound: bool = False) -> Replaced[Object]:
    """A list."""
    return Replaced(items=items, resource_version=str(version), rewound=rewound)


def by_app(one: Object) -> Iterable[str]:
    """An index with one key."""
    return [one.metadata.labels["app"]] if "app" in one.metadata.labels else []


def by_labels(one: Object) -> Iterable[str]:
    """An index with many keys, some twice."""
    return [*one.metadata.labels.values(), *one.metadata.labels.values()]


def make() -> Store[Object]:
    """A store with both indexes."""
    return Store("c", {"app": by_app, "labels": by_labels})


def ref(name: str) -> Ref:
    """The key of `item(name)`."""
    return Ref("c", "d", name)


def test_a_list_gives_a_change_for_each_difference() -> None:
    store = make()
    a, b = item("a", 1), item("b", 2)
    assert store.handle(listed(5, b, a)) == [Change(ref("a"), None, a), Change(ref("b"), None, b)]
    newer, c = item("b", 7), item("c", 8)
    assert store.handle(listed(9, newer, c)) == [
        Change(ref("a"), a, None),
        Change(ref("b"), b, newer),
        Change(ref("c"), None, c),
    ]
    assert store.handle(listed(10, newer, c)) == []
    assert dict(store.view) == {ref("b"): newer, ref("c"): c}


def test_it_is_synced_after_the_first_list_even_an_empty_one() -> None:
    store = make()
    before = (store.synced, store.resource_version)
    store.handle(listed(5))
    assert before == (False, "")
    assert (store.synced, store.resource_version) == (True, "5")


def test_the_indexes_follow() -> None:
    store = make()
    store.handle(listed(5, item("b", 2, app="x"), item("a", 1, app="x"), item("c", 3)))
    assert [one.metadata.name for one in store.by("app", "x")] == ["a", "b"]
    store.handle(Applied(item=item("a", 6, app="y")))
    store.handle(deleted("b", 7))
    assert store.by("app", "x") == ()
    assert [one.metadata.name for one in store.by("app", "y")] == ["a"]
    assert store.by("labels", "nothing") == ()
    with pytest.raises(KeyError):
        store.by("unknown", "x")


def test_an_event_that_is_known_or_older_changes_nothing() -> None:
    store = make()
    store.handle(listed(5, item("a", 5)))
    assert store.handle(Applied(item=item("a", 5))) == []
    assert store.handle(Applied(item=item("a", 3))) == []
    assert store.handle(deleted("a", 4)) == []
    assert store.view[ref("a")].metadata.resource_version == "5"
    assert store.resource_version == "5"


def test_what_was_deleted_does_not_come_back_by_an_echo() -> None:
    store = make()
    store.handle(listed(5, item("a", 3)))
    store.handle(deleted("a", 7))
    assert store.handle(Applied(item=item("a", 6))) == []
    assert store.handle(listed(6, item("a", 3))) == []
    assert dict(store.view) == {}
    assert len(store.handle(Applied(item=item("a", 8, uid="second")))) == 1


def test_a_stale_list_neither_removes_nor_ages_what_is_younger() -> None:
    store = make()
    store.handle(listed(10, item("a", 9), item("b", 4)))
    store.handle(Applied(item=item("c", 12)))
    assert store.handle(listed(8, item("a", 7), item("b", 4))) == []
    assert {one.metadata.name: one.metadata.resource_version for one in store.view.values()} == {
        "a": "9",
        "b": "4",
        "c": "12",
    }


def test_numbers_are_compared_as_numbers() -> None:
    store = make()
    store.handle(listed(9, item("a", 9)))
    assert len(store.handle(Applied(item=item("a", 10)))) == 1
    assert store.reached("10")
    assert not store.reached("11")


def test_versions_that_are_no_numbers_are_only_equal_or_not() -> None:
    store = make()
    store.handle(listed("x", item("a", "m")))
    assert len(store.handle(Applied(item=item("a", "b")))) == 1
    assert store.handle(Applied(item=item("a", "b"))) == []
    assert len(store.handle(deleted("a", "a"))) == 1
    assert store.resource_version == "a"
    assert store.reached("a")
    assert not store.reached("x")


def test_a_rewound_history_is_taken_whole() -> None:
    store = make()
    store.handle(listed(100, item("a", 90), item("b", 50)))
    back = item("a", 40)
    assert store.handle(listed(60, back, rewound=True)) == [
        Change(ref("b"), item("b", 50), None),
        Change(ref("a"), item("a", 90), back),
    ]
    assert store.resource_version == "60"
    assert len(store.handle(Applied(item=item("c", 61)))) == 1
    assert len(store.handle(deleted("c", 62))) == 1


def test_a_name_made_anew_unseen_is_one_change_of_uid() -> None:
    store = make()
    store.handle(listed(5, item("a", 3, uid="one")))
    [change] = store.handle(listed(9, item("a", 8, uid="two")))
    assert change.old is not None
    assert change.new is not None
    assert (change.old.metadata.uid, change.new.metadata.uid) == ("one", "two")


def test_what_a_list_could_not_read_stays() -> None:
    store = make()
    store.handle(listed(5, item("a", 3), item("b", 4)))
    gone = store.handle(Replaced(items=(), resource_version="9", kept=frozenset({("d", "a")})))
    assert [change.ref.name for change in gone] == ["b"]


def test_a_bookmark_moves_the_version_forward_only() -> None:
    store = make()
    store.handle(listed(5))
    assert store.handle(Bookmark(resource_version="9")) == []
    store.handle(Bookmark(resource_version="7"))
    assert store.resource_version == "9"


def test_the_view_is_read_only_and_live() -> None:
    store = make()
    view = store.view
    store.handle(listed(5, item("a", 3)))
    assert [*view] == [ref("a")]
    assert not hasattr(view, "pop")


class Server(Struct):
    """A kind's history on an honest server: version -> event, and the present state."""

    version: int = 0
    objects: dict[str, Object] = {}
    past: list[Event[Object]] = []
    lists: list[Replaced[Object]] = []

    def write(self, name: str, app: str | None) -> None:
        """Create or change `name`; delete it where `app` is None."""
        if app is None and name not in self.objects:
            return
        self.version += 1
        if app is None:
            del self.objects[name]
            self.past.append(deleted(name, self.version))
        else:
            self.objects[name] = item(name, self.version, app=app)
            self.past.append(Applied(item=self.objects[name]))
        self.lists.append(self.list())

    def list(self) -> Replaced[Object]:
        """A list of now."""
        return listed(self.version, *self.objects.values())


NAMES = st.sampled_from("abcd")
APPS = st.sampled_from(["x", "y", None])
STEP = st.one_of(
    st.tuples(st.just("write"), NAMES, APPS),
    st.tuples(st.just("list"), st.none(), st.none()),
    st.tuples(st.just("echo"), st.integers(0, 30), st.none()),
    st.tuples(st.just("stale"), st.integers(0, 30), st.none()),
    st.tuples(st.just("missed"), NAMES, APPS),
)


@given(st.lists(STEP, max_size=40))
@example([("write", "c", "x"), ("missed", "a", "x"), ("write", "c", None)])
def test_whatever_comes_the_store_tells_the_truth(steps: list[tuple[str, str | int | None, str | None]]) -> None:
    """Writes arrive or are missed, lists and events of the past come again: no key ages, changes add up to the view,
    the indexes are what one would compute anew, and after a true list the store equals the server."""
    server, store = Server(objects={}, past=[], lists=[]), make()
    replay: dict[Ref, Object] = {}
    youngest: dict[Ref, int] = {}
    store.handle(server.list())
    for what, argument, app in [*steps, ("list", None, None)]:
        events: list[Event[Object]] = []
        if what in ("write", "missed"):
            known = len(server.past)
            server.write(str(argument), app)
            events = server.past[known:] if what == "write" else []
        elif what == "list":
            events = [server.list()]
        elif server.past:
            events = [(server.past if what == "echo" else server.lists)[int(argument or 0) % len(server.past)]]
        for event in events:
            follow(store, event, replay, youngest)
    assert dict(store.view) == {ref(name): one for name, one in server.objects.items()}


def follow(store: Store[Object], event: Event[Object], replay: dict[Ref, Object], youngest: dict[Ref, int]) -> None:
    """Hand `event` to the store and check what it says about it."""
    for change in store.handle(event):
        assert change.old == replay.pop(change.ref, None)
        assert change.old is not None or change.new is not None
        if change.new is not None:
            replay[change.ref] = change.new
            version = int(change.new.metadata.resource_version)
            assert version > youngest.get(change.ref, -1), f"{change.ref} went back in time"
            youngest[change.ref] = version
    assert dict(store.view) == replay
    for name, function in (("app", by_app), ("labels", by_labels)):
        for key in ("x", "y"):
            assert store.by(name, key) == tuple(replay[r] for r in sorted(replay) if key in function(replay[r]))
