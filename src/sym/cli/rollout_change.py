"""What a rollout command would do to an AppSet, as data: decided purely, written exactly to what was read."""

from msgspec import Struct

from sym.model.appset import AppSet
from sym.model.codec import JSON, JSONMap, dig_list, dig_map, dig_str


class No(Exception):
    """It is refused. The sentence says why, and what to do or what stands instead."""


class Seen(Struct, frozen=True):
    """An AppSet as it was read: whole, and the parts that Sym knows."""

    live: JSONMap
    app: AppSet

    @property
    def exact(self) -> JSONMap:
        """The metadata by which a write meets this AppSet as it was read, and nothing else."""
        return {key: dig_str(self.live, "metadata", key) for key in ("name", "namespace", "uid", "resourceVersion")}


class Change(Struct, frozen=True, kw_only=True):
    """A merge patch of the AppSet, or of its status; None: nothing has to be done. `said`: what is told then."""

    said: str
    patch: JSONMap | None = None
    subresource: str = ""


def added(seen: Seen, list_: str, entry: JSONMap, said: str) -> Change:
    """`entry` comes to a list of status.rollout. The patch holds the whole list as it was read, so entries of others
    and fields that this Sym does not know stay."""
    entries: list[JSON] = [*dig_list(seen.live, "status", "rollout", list_), entry]
    patch: JSONMap = {"metadata": seen.exact, "status": {"rollout": {list_: entries}}}
    return Change(said=said, patch=patch, subresource="status")


def edited(seen: Seen, spec: JSONMap, said: str) -> Change:
    """The spec becomes `spec`: the patch holds only what differs from what was read."""
    difference = merge_patch(dig_map(seen.live, "spec"), spec)
    patch: JSONMap = {"metadata": seen.exact, "spec": difference}
    return Change(said=said, patch=patch if difference else None)


def merge_patch(before: JSONMap, after: JSONMap) -> JSONMap:
    """The RFC 7386 patch that makes `after` of `before`; empty where they are equal."""
    patch: JSONMap = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := merge_patch(old, value):
                patch[key] = inner
        elif key not in before or old != value or type(old) is not type(value):
            patch[key] = value
    return patch


def carried(live: JSON, before: JSON, after: JSON) -> JSON:
    """`live` with the difference between `before` and `after`, two readings of it that leave out what Sym does not know
    and what is default: that stays as it is in `live`. Entries of lists are matched by their names."""
    match live, before, after:
        case dict(), dict(), dict():
            kept = {key: value for key, value in live.items() if key not in before or key in after}
            return kept | {
                key: carried(live.get(key), before.get(key), value)
                for key, value in after.items()
                if value != before.get(key)
            }
        case list(), list(), list():
            olds, lives = _by_name(before), _by_name(live)
            if olds is None or lives is None:
                return after
            return [
                carried(lives[name], olds[name], each)
                if (name := dig_str(each, "name")) in olds and name in lives
                else each
                for each in after
            ]
        case _:
            return after


def _by_name(entries: list[JSON]) -> dict[str, JSON] | None:
    named = {dig_str(each, "name"): each for each in entries}
    return named if len(named) == len(entries) and "" not in named else None
