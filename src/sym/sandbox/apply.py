"""Server-side apply: merge what a manager states into the live object, and refuse what others own.

Pure. Follows the meaning of Kubernetes' structured merge: granular maps and keyed lists merge by item, sets by value,
atomic values as a whole; a field that a manager no longer states goes away unless somebody else owns it. Relies on
managed.py for the record of owners and on schema nodes for the meaning of lists and maps.
"""

from typing import Final

from msgspec.structs import replace

from sym.model.codec import JSON, DecodeError, JSONMap, as_map, dig, dig_map, dig_str, encode_sorted, parse_map
from sym.sandbox import managed, typed
from sym.sandbox.fieldset import (
    FieldSet,
    compare,
    difference,
    granular_list,
    intersection,
    is_member,
    item_steps,
    leaves,
    named_as_members,
    of_value,
    union,
)
from sym.sandbox.managed import APPLY, UPDATE, Key, Owned, Owners, Writer
from sym.sandbox.patch import PatchError
from sym.sandbox.schema import Node, Relation, Shape

BEFORE_FIRST_APPLY: Final = "before-first-apply"
"""The manager that owns what an object without any record held."""


KUBECTL: Final = "kubectl"
"""The manager of `kubectl apply --server-side`, which may take over what `kubectl apply` applied."""

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


class ApplyConflict(Exception):
    """Others own fields that the apply would change. `conflicts` are (whose, field) pairs in the server's order."""

    def __init__(self, conflicts: tuple[tuple[str, str], ...]) -> None:
        self.conflicts = conflicts
        super().__init__(_sentence(conflicts))

    @property
    def causes(self) -> list[JSONMap]:
        """The `details.causes` of the Status answer (409, reason Conflict)."""
        return [
            {"reason": "FieldManagerConflict", "message": f"conflict with {whose}", "field": field}
            for whose, field in self.conflicts
        ]


def server_side_apply(live: JSONMap | None, config: JSONMap, writer: Writer, *, force: bool = False) -> JSONMap:
    """The object after `writer.manager` applied `config` to `live` (None: there is none yet).

    An apply that changes nothing returns an object equal to `live`, times included. Raises ApplyConflict (409), and
    PatchError for a config that states managedFields or an item twice.
    """
    if dig(config, "metadata", "managedFields"):
        raise PatchError(400, "BadRequest", "metadata.managedFields must be nil")
    node = writer.node
    typed.check(config, node)
    before = _without_record(live) if live is not None else {}
    owners = _owners(live, writer)
    key = Key(writer.manager, APPLY, writer.subresource)
    named = of_value(config, node)  # with the object's name, which nobody owns and no pruning may take
    stated = difference(named, managed.OWN)
    former = owners.get(key)
    applied = merge(before, config, node)
    if former is not None and difference(former.fields, stated):
        applied = _pruned(applied, owners, former.fields, (key, named), node)
    owners[key] = Owned(stated, writer.api_version, former.time if former else "")
    changes = compare(before if live is not None or not node.builtin else node.zero, applied, node)
    if not force:
        _refuse_rivals(owners, changes.set, key, before, node)
    gone = union(changes.set, changes.removed)
    for other in owners.keys() - {key}:
        owners[other] = replace(owners[other], fields=difference(owners[other].fields, gone))
    if before != applied:  # who comes to own what stands there already is noted without a time
        owners[key] = replace(owners[key], time=managed.stamp(writer.now))
    if writer.manager == KUBECTL:
        applied = _with_last_applied(applied, config)
    return managed.with_owners(as_map(applied), owners)


def merge(live: JSON, config: JSON, node: Node) -> JSON:
    """`live` with everything that `config` states; nothing is taken away."""
    if isinstance(config, dict) and isinstance(live, dict) and _granular_map(node):
        merged = dict(live)
        for name, value in config.items():
            merged[name] = merge(merged[name], value, node.child(name)) if name in merged else value
        return merged
    if isinstance(config, list) and isinstance(live, list) and granular_list(node):
        return _merge_items(live, config, node)
    return config


def _merge_items(live: list[JSON], config: list[JSON], node: Node) -> list[JSON]:
    """The stated items in their order, those of others between them where they stood."""
    theirs, mine = item_steps(live, node), item_steps(config, node)
    both = iter([step for step in mine if step in theirs])
    shared = next(both, None)
    stated = iter(mine)
    merged: list[JSON] = []
    for step, item in theirs.items():
        if step not in mine:
            merged.append(item)
        elif step == shared:
            for one in stated:
                merged.append(merge(theirs[one], mine[one], node.items) if one in theirs else mine[one])
                if one == step:
                    break
            shared = next(both, None)
    merged += [merge(theirs[one], mine[one], node.items) if one in theirs else mine[one] for one in stated]
    return merged


def remove(value: JSON, gone: FieldSet, node: Node) -> JSON:
    """`value` without the members of `gone`; a map or list that is left empty becomes null."""
    if isinstance(value, dict) and _granular_map(node):
        kept = {name: (item, gone.get("f:" + name)) for name, item in value.items()}
        left = {
            name: _removed(item, below, node.child(name))
            for name, (item, below) in kept.items()
            if below is None or not is_member(below)
        }
        return left or None
    if isinstance(value, list) and granular_list(node):
        found = [(item, gone.get(step)) for step, item in item_steps(value, node).items()]
        items = [_removed(item, below, node.items) for item, below in found if below is None or not is_member(below)]
        return items or None
    return value


def _removed(value: JSON, gone: "FieldSet | None", node: Node) -> JSON:
    return value if gone is None else remove(value, gone, node)


def _pruned(merged: JSON, owners: Owners, last: FieldSet, mine: tuple[Key, FieldSet], node: Node) -> JSON:
    """`merged` without what the manager stated last time, states no longer, and nobody else owns."""
    key, stated = mine
    pruned = remove(merged, named_as_members(last, node), node)
    whole = _members(merged, node)
    kept: FieldSet = stated
    for other, owned in owners.items():
        if other != key:
            kept = union(kept, owned.fields)
    rest = union(_members(pruned, node), named_as_members(kept, node))
    pruned = remove(merged, difference(whole, rest), node)
    dangling = intersection(difference(whole, _members(pruned, node)), named_as_members(last, node))
    return remove(merged, dangling, node)


def _members(value: JSON, node: Node) -> FieldSet:
    return named_as_members(of_value(value, node), node)


def _owners(live: JSONMap | None, writer: Writer) -> Owners:
    if live is None:
        return {}
    owners = managed.owners_of(live)
    if owners:
        return owners
    held = difference(compare({}, _without_record(live), writer.node).set, managed.OWN)
    if not writer.subresource:
        held.pop("f:status", None)
    key = Key(BEFORE_FIRST_APPLY, UPDATE, "", writer.api_version)
    return {key: Owned(held, writer.api_version, managed.stamp(writer.now))} if held else {}


def _refuse_rivals(owners: Owners, taken: FieldSet, key: Key, live: JSONMap, node: Node) -> None:
    rivals = managed.stolen(owners, taken, key)
    if key.manager == KUBECTL:
        rivals = _without_last_applied(rivals, live, node)
    if rivals:
        raise ApplyConflict(_conflicts(rivals, owners))


def _without_last_applied(rivals: dict[Key, FieldSet], live: JSONMap, node: Node) -> dict[Key, FieldSet]:
    """The conflicts that are left when fields that still are as kubectl applied them count as kubectl's own."""
    text = dig_str(live, "metadata", "annotations", LAST_APPLIED)
    if not rivals or not text:
        return rivals
    try:
        applied = parse_map(text)
    except DecodeError:
        return rivals
    changed = compare(applied, live, node)
    mine = difference(difference(of_value(applied, node), changed.set), changed.removed)
    left = {key: difference(fields, mine) for key, fields in rivals.items()}
    return {key: fields for key, fields in left.items() if fields}


def _with_last_applied(applied: JSON, config: JSONMap) -> JSON:
    """kubectl's annotation kept up to date where the object has one."""
    annotations = dig_map(applied, "metadata", "annotations")
    if LAST_APPLIED not in annotations:
        return applied
    own: JSONMap = {**dig_map(config, "metadata", "annotations")}
    own.pop(LAST_APPLIED, None)
    metadata: JSONMap = {name: value for name, value in dig_map(config, "metadata").items() if name != "annotations"}
    if own:
        metadata["annotations"] = own
    stated: JSONMap = {**config, "metadata": metadata}
    known: JSONMap = {**annotations, LAST_APPLIED: encode_sorted(stated).decode() + "\n"}
    whole: JSONMap = {**dig_map(applied, "metadata"), "annotations": known}
    return {**as_map(applied), "metadata": whole}


def _conflicts(rivals: dict[Key, FieldSet], owners: Owners) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for key, fields in rivals.items():
        found += [(_whose(key, owners[key]), field) for field in leaves(fields)]
    return tuple(sorted(found))


def _whose(key: Key, owned: Owned) -> str:
    text = f'"{key.manager}"'
    if key.subresource:
        text += f' with subresource "{key.subresource}"'
    if key.operation == UPDATE:
        text += f" using {owned.api_version}"
    return text


def _sentence(conflicts: tuple[tuple[str, str], ...]) -> str:
    if len(conflicts) == 1:
        whose, field = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {whose}: {field}"
    by_owner: dict[str, list[str]] = {}
    for whose, field in conflicts:
        by_owner.setdefault(whose, []).append(field)
    lines = [f"Apply failed with {len(conflicts)} conflicts:"]
    for whose, fields in by_owner.items():
        lines.append(f"conflicts with {whose}:")
        lines += [f"- {field}" for field in fields]
    return "\n".join([lines[0] + " " + lines[1], *lines[2:]])


def _granular_map(node: Node) -> bool:
    return node.shape in {Shape.MAP, Shape.ANY} and node.relation is not Relation.ATOMIC


def _without_record(document: JSONMap) -> JSONMap:
    metadata = {name: value for name, value in dig_map(document, "metadata").items() if name != "managedFields"}
    return {**document, "metadata": metadata}
