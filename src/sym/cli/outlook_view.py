"""The lines of `sym plan`: waves in order, what each changes in each cluster, and what it comes to. Pure."""

from collections.abc import Iterator

from sym.cli.outlook import Outlook
from sym.model.codec import JSON, JSONMap
from sym.model.rollout import Phase
from sym.plan.forecast import AT_LAST, AT_ONCE, PodSetChange, Stage


def lines(found: Outlook) -> Iterator[str]:
    """All of it, for people."""
    told = found.forecast
    yield f"{found.wish.where}: {_comes(found)}"
    yield from (f"  cluster {name}: not looked into: {why}" for name, why in sorted(found.unread.items()))
    yield from (f"  ✖ {problem}" for problem in found.problems)
    rollout = found.view.app.status.rollout
    if rollout.phase is Phase.WAITING and rollout.gate:
        yield f"  it waits at gate {rollout.gate} now"
    for stage in told.stages:
        yield f"  {_title(stage)}"
        yield from (f"    {_change(each)}" for each in stage.changes)
        if stage.gate:
            yield f"  ◷ gate {stage.name}: waits for a person"
    yield from (f"  cluster {name} is emptied after all else runs" for name in told.emptied)
    if told.stands and not found.problems:
        yield f"  it stands there: {told.stands}"
    yield summary(found)
    yield f"plan {found.hash}"


def summary(found: Outlook) -> str:
    """What it comes to, in a line."""
    changes = found.forecast.changes
    if not changes:
        return "nothing changes in any cluster"
    restarts = sum(each.restarts for each in changes)
    counts = {verb: sum(each.verb == verb for each in changes) for verb in ("create", "update", "scale", "delete")}
    parts = [f"{count} podSets {verb}d" for verb, count in counts.items() if count]
    gates = sum(stage.gate for stage in found.forecast.stages)
    return ", ".join([f"{restarts} pods restart", *parts, f"{gates} gates"])


def as_json(found: Outlook) -> JSONMap:
    """The same as data."""
    stages: list[JSON] = [
        {
            "name": stage.name,
            "gate": stage.gate,
            "changes": [
                {
                    "cluster": each.cluster,
                    "podSet": each.name,
                    "what": each.verb,
                    "from": {"version": each.before, "replicas": each.had},
                    "to": {"version": each.after, "replicas": each.has},
                    "restarts": each.restarts,
                }
                for each in stage.changes
            ],
        }
        for stage in found.forecast.stages
    ]
    problems: list[JSON] = [
        {"path": each.path, "reason": each.reason, "message": each.message} for each in found.problems
    ]
    return {
        "namespace": found.wish.namespace,
        "name": found.wish.name,
        "stages": stages,
        "emptied": list[JSON](found.forecast.emptied),
        "unread": dict[str, JSON](found.unread),
        "problems": problems,
        "stands": found.forecast.stands,
        "plan": found.hash,
    }


def _comes(found: Outlook) -> str:
    if found.live is None:
        return "would be made"
    return "is there, and would change" if found.live.get("spec") != found.made.get("spec") else "is there, just so"


def _title(stage: Stage) -> str:
    if stage.name == AT_ONCE:
        return "at once, without a wave:"
    return "after all else runs:" if stage.name == AT_LAST else f"wave {stage.name}:"


def _change(each: PodSetChange) -> str:
    what = f"{each.cluster}  {each.name}  "
    match each.verb:
        case "create":
            return what + f"new, {each.has} pods of {each.after}"
        case "delete":
            return what + f"deleted, {each.had} pods of {each.before}"
        case "scale":
            return what + f"{each.had} → {each.has} pods of {each.after}"
        case _:
            count = f"{each.had} → {each.has} pods" if each.had != each.has else f"{each.has} pods"
            return what + f"{each.before} → {each.after}, {count}, {each.restarts} restart"
