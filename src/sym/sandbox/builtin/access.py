"""Role, ClusterRole and their bindings: defaults and checks. A sandbox keeps them and lets everybody do everything.

Functions change the map they are given, which is always a fresh one.
"""

from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSONMap, dig_list, dig_map
from sym.sandbox.builtin.pods import maps
from sym.sandbox.validation import invalid, required, unsupported

GROUP: Final = "rbac.authorization.k8s.io"
_SUBJECTS: Final = {"ServiceAccount": "", "User": GROUP, "Group": GROUP}


def path_segment(name: str) -> list[str]:
    """What a name that only has to fit into a path must not be."""
    if name in {".", ".."}:
        return [f"may not be '{name}'"]
    return [f"may not contain '{sign}'" for sign in ("/", "%") if sign in name]


def admit_role(document: JSONMap, _: JSONMap | None) -> None:
    """The rules are always there, if only as null; nobody owns that."""
    document.setdefault("rules", None)


def default_binding(document: JSONMap) -> None:
    """Roles and people are of one group, accounts of the core."""
    reference = dig_map(document, "roleRef")
    empty: JSONMap = {"apiGroup": GROUP, "kind": "", "name": ""}
    document["roleRef"] = empty | {name: value for name, value in reference.items() if value}
    for subject in maps(document, "subjects"):
        subject.setdefault("apiGroup", _SUBJECTS.get(str(subject.get("kind")), ""))
        if not subject["apiGroup"]:
            del subject["apiGroup"]


def check_role(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with a Role."""
    return _rules(document, namespaced=True)


def check_cluster_role(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with a ClusterRole."""
    return _rules(document, namespaced=False)


def check_binding(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a RoleBinding."""
    return _binding(document, old, ["Role", "ClusterRole"])


def check_cluster_binding(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a ClusterRoleBinding."""
    return _binding(document, old, ["ClusterRole"], namespaced=False)


def _rules(document: JSONMap, *, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    for number, rule in enumerate(maps(document, "rules")):
        path = f"rules[{number}]"
        if not dig_list(rule, "verbs"):
            causes.append(required(f"{path}.verbs", "verbs must contain at least one value"))
        urls = dig_list(rule, "nonResourceURLs")
        if urls:
            if namespaced:
                why = "namespaced rules cannot apply to non-resource URLs"
                causes.append(invalid(f"{path}.nonResourceURLs", urls, why))
            continue
        if not dig_list(rule, "apiGroups"):
            causes.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
        if not dig_list(rule, "resources"):
            causes.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return causes


def _binding(document: JSONMap, old: JSONMap | None, kinds: list[str], *, namespaced: bool = True) -> list[Cause]:
    reference = dig_map(document, "roleRef")
    causes: list[Cause] = []
    if reference.get("apiGroup") != GROUP:
        causes.append(unsupported("roleRef.apiGroup", reference.get("apiGroup"), [GROUP]))
    if reference.get("kind") not in kinds:
        causes.append(unsupported("roleRef.kind", reference.get("kind"), kinds))
    if not reference.get("name"):
        causes.append(required("roleRef.name"))
    for number, subject in enumerate(maps(document, "subjects")):
        causes += _subject(subject, f"subjects[{number}]", namespaced=namespaced)
    if old is not None and dig_map(old, "roleRef") != reference:
        causes.append(invalid("roleRef", reference, "cannot change roleRef"))
    return causes


def _subject(subject: JSONMap, path: str, *, namespaced: bool) -> list[Cause]:
    causes = [] if subject.get("name") else [required(f"{path}.name")]
    kind = subject.get("kind")
    if kind not in _SUBJECTS:
        causes.append(unsupported(f"{path}.kind", kind, list(_SUBJECTS)))
    if kind == "ServiceAccount" and not namespaced and not subject.get("namespace"):
        causes.append(required(f"{path}.namespace"))
    return causes
