"""From a status as it is and a status as it should be to the merge patch between them. Pure.

Only what differs is sent: what another writer keeps in the same status (confirmations) is not touched, and a status in
which nothing but a time moved is no reason to write. The uid in the patch keeps it from an object of the same name.
"""

from msgspec import Struct

from sym.model.codec import JSON, JSONMap, dig, to_map

TIMES = frozenset({"lastUpdateTime", "observedAt", "seen", "lastSeen"})
"""Fields that say when something was looked at; a change of these alone is not worth a write."""


SHARED = (("rollout", "confirmations"), ("rollout", "requests"))
"""Lists that people write too: one of them is only written over exactly as it was read."""


def status_patch(uid: str, old: Struct, new: Struct, resource_version: str = "") -> JSONMap | None:
    """The body of the status patch; None where nothing but times differ. `resource_version` is that of the object whose
    status was `old`."""
    before, after = to_map(old), to_map(new)
    if _timeless(before) == _timeless(after):
        return None
    metadata: JSONMap = {"uid": uid}
    if resource_version and any(dig(before, *path) != dig(after, *path) for path in SHARED):
        metadata["resourceVersion"] = resource_version
    return {"metadata": metadata, "status": merge_diff(before, after)}


def merge_diff(before: JSONMap, after: JSONMap) -> JSONMap:
    """The JSON merge patch (RFC 7386) that makes `after` of `before`."""
    patch: JSONMap = dict.fromkeys(before.keys() - after.keys())
    for key, value in after.items():
        known = before.get(key)
        if key in before and known == value:
            continue
        patch[key] = merge_diff(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return patch


def _timeless(value: JSON) -> JSON:
    match value:
        case dict():
            return {key: _timeless(each) for key, each in value.items() if key not in TIMES}
        case list():
            return [_timeless(each) for each in value]
        case _:
            return value
