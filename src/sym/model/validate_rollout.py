"""What a rollout's settings may not be, beyond what the schema says. Every problem says where and what to do.

Explicit waves must hold every podSet exactly once; bounds must leave room for a change; orders must be readable.
"""

from collections.abc import Iterator

from sym.model import names
from sym.model.appset import AppSetSpec, DeployType, PriorityStrategy, UpdateStrategy
from sym.model.problems import Problem
from sym.model.rollout import AutoRollback, Wave
from sym.model.selectors import LabelSelector
from sym.model.waves import Candidate, holders

_STRATEGY = "spec.updateStrategy"
_WAVES = f"{_STRATEGY}.waves"
_OPERATORS = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}
"""The operators of a condition, and whether they compare with values."""


def rollout_problems(spec: AppSetSpec) -> Iterator[Problem]:
    """All problems of how `spec` shall roll out."""
    strategy = spec.update_strategy
    yield from _auto_rollback(strategy)
    yield from _priorities(strategy.priority_strategy)
    yield from _beside_waves(strategy)
    yield from _coverage(spec)
    yield from _bounds(spec)


def _auto_rollback(strategy: UpdateStrategy) -> Iterator[Problem]:
    chosen = strategy.auto_rollback
    if chosen is not None and not chosen.known:
        yield Problem(
            path=f"{_STRATEGY}.autoRollback", message=f"{chosen!s} is none of {', '.join(AutoRollback)}: choose one"
        )


def _priorities(priority: PriorityStrategy) -> Iterator[Problem]:
    at = f"{_STRATEGY}.priorityStrategy"
    for number, order in enumerate(priority.order_priority):
        if not order.ordered_key:
            yield Problem(
                path=f"{at}.orderPriority[{number}].orderedKey",
                message="it is empty: name a key of the cluster metadata",
            )
    for number, weight in enumerate(priority.weight_priority):
        where = f"{at}.weightPriority[{number}]"
        if not 1 <= weight.weight <= 100:
            yield Problem(path=f"{where}.weight", message=f"{weight.weight} is no weight: use 1 to 100")
        yield from _selector(weight.match_selector, f"{where}.matchSelector")


def _selector(selector: LabelSelector, path: str) -> Iterator[Problem]:
    for number, one in enumerate(selector.match_expressions):
        at, compares = f"{path}.matchExpressions[{number}]", _OPERATORS.get(one.operator)
        if compares is None:
            told = f"{one.operator!r} is none of {', '.join(_OPERATORS)}: choose one of them"
            yield Problem(path=f"{at}.operator", message=told)
        elif bool(one.values) is not compares:
            told = "needs values to compare with" if compares else "compares with no values: leave them out"
            yield Problem(path=f"{at}.values", message=f"{one.operator} {told}")


def _beside_waves(strategy: UpdateStrategy) -> Iterator[Problem]:
    """Waves say all of it; what they take the place of cannot be given too."""
    if not strategy.waves:
        return
    given = {
        "upgradeType": strategy.upgrade_type is not None,
        "canaryClusters": bool(strategy.canary_clusters),
        "unitByUnit": strategy.unit_by_unit,
        "priorityStrategy": strategy.priority_strategy != PriorityStrategy(),
        "needWaitingForConfirm": strategy.need_waiting_for_confirm,
    }
    for field, is_given in given.items():
        if is_given:
            yield Problem(
                path=f"{_STRATEGY}.{field}",
                message="it cannot be given beside waves, which say order and gates themselves: take one of them out",
            )


def _coverage(spec: AppSetSpec) -> Iterator[Problem]:
    """Every podSet in exactly one wave, every wave with a podSet, every name once."""
    waves = spec.update_strategy.waves
    if not waves:
        return
    held = {one.name: holders(waves, one) for one in _candidates(spec)}
    for name, found in held.items():
        if not found:
            yield Problem(path=_WAVES, message=f"podSet {name} is in no wave: add one for it, or one without select")
        elif len(found) > 1:
            told = " and ".join(waves[number].name for number in found)
            path, one = f"{_WAVES}[{found[1]}].select", "each podSet belongs to one"
            yield Problem(path=path, message=f"podSet {name} is in the waves {told}: {one}")
    used = {number for found in held.values() for number in found}
    for number, wave in enumerate(waves):
        yield from _wave(wave, f"{_WAVES}[{number}]", used=number in used)
        if wave.name in {each.name for each in waves[:number]}:
            path = f"{_WAVES}[{number}].name"
            yield Problem(path=path, message=f"{wave.name} is there already: a gate's name means one wave")


def _wave(wave: Wave, at: str, *, used: bool) -> Iterator[Problem]:
    if not used:
        yield Problem(path=f"{at}.select", message=f"wave {wave.name} holds no podSet: correct what it selects")
    if wave.select.labels is not None:
        yield from _selector(wave.select.labels, f"{at}.select.labels")


def _candidates(spec: AppSetSpec) -> Iterator[Candidate]:
    for place in spec.cluster_topology.clusters:
        for each in place.pod_sets:
            meta = {**place.meta, **each.meta}
            group, unit = names.group_of(each.name, meta), names.unit_of(meta)
            yield Candidate(name=each.name, cluster=place.name, group=group, unit=unit, labels=meta)


def _bounds(spec: AppSetSpec) -> Iterator[Problem]:
    """A Deployment that may have no pod more and none less can never change."""
    if spec.pod_spec.deploy_type is not DeployType.DEPLOYMENT:
        return
    strategy = spec.update_strategy
    outer = (strategy.max_surge, strategy.max_unavailable)
    if _stuck(*outer):
        yield _stuck_at(_STRATEGY)
    for number, place in enumerate(spec.cluster_topology.clusters):
        for position, pod_set in enumerate(place.pod_sets):
            own = (pod_set.max_surge, pod_set.max_unavailable)
            if own != (None, None) and _stuck(*(_first(*pair) for pair in zip(own, outer, strict=True))):
                yield _stuck_at(f"spec.clusterTopology.clusters[{number}].podSets[{position}]")
    for number, wave in enumerate(strategy.waves):
        own = (wave.max_surge, wave.max_unavailable)
        if own != (None, None) and _stuck(*(_first(*pair) for pair in zip(own, outer, strict=True))):
            yield _stuck_at(f"{_STRATEGY}.waves[{number}]")


def _first(inner: int | str | None, outer: int | str | None) -> int | str | None:
    return outer if inner is None else inner


def _stuck(surge: int | str | None, unavailable: int | str | None) -> bool:
    return surge in {0, "0%"} and unavailable in {0, "0%"}


def _stuck_at(path: str) -> Problem:
    told = "maxUnavailable and maxSurge are both 0, so no pod could ever change: raise one of them"
    return Problem(path=f"{path}.maxUnavailable", message=told)
