"""Deployment, ReplicaSet, StatefulSet, ControllerRevision: defaults and checks."""

from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig, dig_map, dig_str
from sym.sandbox import naming
from sym.sandbox.builtin.bounds import at_most_all, not_negative, share, zero_share
from sym.sandbox.builtin.podchecks import template_causes
from sym.sandbox.builtin.pods import default_template, maps
from sym.sandbox.builtin.selectors import selector_causes, selects
from sym.sandbox.validation import forbidden, invalid, required, shown, unsupported

_QUARTER: Final = "25%"


def default_deployment(document: JSONMap) -> None:
    """One replica, rolled by quarters, ten old revisions kept."""
    default_template(document)
    spec = dig_map(document, "spec")
    spec.setdefault("replicas", 1)
    strategy = dig_map(spec, "strategy")
    spec["strategy"] = strategy
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = dig_map(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", _QUARTER)
        rolling.setdefault("maxSurge", _QUARTER)
        strategy["rollingUpdate"] = rolling
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def default_replica_set(document: JSONMap) -> None:
    """One replica."""
    default_template(document)
    dig_map(document, "spec").setdefault("replicas", 1)


def default_stateful_set(document: JSONMap) -> None:
    """One replica, in order, claims kept."""
    default_template(document)
    spec = dig_map(document, "spec")
    spec.setdefault("replicas", 1)
    spec.setdefault("serviceName", "")
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = dig_map(spec, "updateStrategy")
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = dig_map(strategy, "rollingUpdate")
        rolling.setdefault("partition", 0)
        strategy["rollingUpdate"] = rolling
    spec["updateStrategy"] = strategy
    spec.setdefault("revisionHistoryLimit", 10)
    retention = dig_map(spec, "persistentVolumeClaimRetentionPolicy")
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    spec["persistentVolumeClaimRetentionPolicy"] = retention
    for claim in maps(spec, "volumeClaimTemplates"):
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        dig_map(claim, "spec").setdefault("volumeMode", "Filesystem")
        dig_map(claim, "status").setdefault("phase", "Pending")


def check_deployment(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a Deployment."""
    spec = dig_map(document, "spec")
    causes = not_negative(spec, "replicas", path="spec")
    causes += _selector(spec, "deployment") + _template(spec)
    causes += _strategy(dig_map(spec, "strategy"))
    causes += not_negative(spec, "minReadySeconds", "revisionHistoryLimit", path="spec")
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if isinstance(deadline, int) and isinstance(ready, int) and deadline <= ready:
        causes += not_negative(spec, "progressDeadlineSeconds", path="spec")
        causes.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return causes + _selector_kept(spec, old)


def check_replica_set(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a ReplicaSet."""
    spec = dig_map(document, "spec")
    causes = not_negative(spec, "replicas", "minReadySeconds", path="spec")
    return causes + _selector(spec, "deployment") + _template(spec) + _selector_kept(spec, old)


def check_stateful_set(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a StatefulSet."""
    spec = dig_map(document, "spec")
    causes: list[Cause] = []
    policy, strategy = spec.get("podManagementPolicy"), dig_map(spec, "updateStrategy")
    if policy not in {"OrderedReady", "Parallel"}:
        causes.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    if strategy.get("type") not in {"RollingUpdate", "OnDelete"}:
        text = f"Invalid value: {_go_strategy(strategy)}: must be 'RollingUpdate' or 'OnDelete'"
        causes.append(Cause("spec.updateStrategy", text, "FieldValueInvalid"))
    causes += not_negative(dig_map(strategy, "rollingUpdate"), "partition", path="spec.updateStrategy.rollingUpdate")
    causes += not_negative(spec, "replicas", "minReadySeconds", "revisionHistoryLimit", path="spec")
    name = dig_str(spec, "serviceName")
    causes += [invalid("spec.serviceName", name, error) for error in (naming.label_1123(name) if name else [])]
    causes += _selector(spec, "statefulset") + _template(spec)
    return causes + _stateful_kept(spec, old)


def check_revision(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a ControllerRevision."""
    causes = not_negative(document, "revision", path="")
    if document.get("data") is None:
        causes.append(required("data", "data is mandatory"))
    if old is not None and old.get("data") != document.get("data"):
        causes.append(invalid("data", document.get("data"), "field is immutable"))
    return causes


def _selector(spec: JSONMap, kind: str) -> list[Cause]:
    selector = spec.get("selector")
    labels = dig_map(spec, "template", "metadata", "labels")
    causes = selector_causes(selector, "spec.selector")
    wrong = bool(causes)
    if selector is None:
        causes.append(required("spec.selector"))
    elif wrong:
        causes.append(invalid("spec.selector", selector, "invalid label selector"))
    elif not selector:
        causes.append(invalid("spec.selector", selector, f"empty selector is invalid for {kind}"))
    if not wrong and selector != {} and not selects(selector, labels):
        text = "`selector` does not match template `labels`"
        causes.append(invalid("spec.template.metadata.labels", labels or None, text))
    return causes


def _template(spec: JSONMap) -> list[Cause]:
    path = "spec.template.spec"
    template = dig_map(spec, "template")
    causes = template_causes(template, "spec.template")
    policy = dig(template, "spec", "restartPolicy")
    if policy in {"Never", "OnFailure"}:
        causes.append(unsupported(f"{path}.restartPolicy", policy, ["Always"]))
    if dig(template, "spec", "activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in ReplicaSet is not Supported"
        causes.append(forbidden(f"{path}.activeDeadlineSeconds", why))
    return causes


def _strategy(strategy: JSONMap) -> list[Cause]:
    path = "spec.strategy.rollingUpdate"
    rolling = strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            why = "may not be specified when strategy `type` is 'Recreate'"
            return [forbidden(path, why)] if rolling is not None else []
        case "RollingUpdate":
            surge, missing = dig(rolling, "maxSurge"), dig(rolling, "maxUnavailable")
            causes = share(missing, f"{path}.maxUnavailable") + share(surge, f"{path}.maxSurge")
            if zero_share(surge) and zero_share(missing):
                causes.append(invalid(f"{path}.maxUnavailable", missing, "may not be 0 when `maxSurge` is 0"))
            return causes + at_most_all(missing, f"{path}.maxUnavailable")
        case _:
            text = f'Unsupported value: {_go_strategy(strategy)}: supported values: "Recreate", "RollingUpdate"'
            return [Cause("spec.strategy", text, "FieldValueNotSupported")]


def _go_strategy(strategy: JSONMap) -> str:
    """A strategy of no known type as the server prints its struct."""
    return f'{{"Type":{shown(strategy.get("type", ""))},"RollingUpdate":null}}'


def _selector_kept(spec: JSONMap, old: JSONMap | None) -> list[Cause]:
    selector: JSON = spec.get("selector")
    if old is None or dig(old, "spec", "selector") == selector:
        return []
    return [invalid("spec.selector", selector, "field is immutable")]


_STATEFUL: Final = frozenset(
    {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
    }
    | {"minReadySeconds"}
)


def _stateful_kept(spec: JSONMap, old: JSONMap | None) -> list[Cause]:
    before = dig_map(old, "spec") if old is not None else spec
    if all(spec.get(name) == before.get(name) for name in spec.keys() | before.keys() if name not in _STATEFUL):
        return []
    text = (
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy',"
        " 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
    return [forbidden("spec", text)]
