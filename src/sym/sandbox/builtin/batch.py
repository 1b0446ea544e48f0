"""Job and CronJob: defaults, the selector that a server generates, checks.

Functions change the map they are given, which is always a fresh one. Checks of pod failure and success policies are
left out: the simulated controller does not work by them.
"""

import re
from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_map, dig_str
from sym.sandbox.builtin.bounds import not_negative, one_of
from sym.sandbox.builtin.podchecks import template_causes
from sym.sandbox.builtin.pods import default_template
from sym.sandbox.builtin.selectors import selector_causes, selects
from sym.sandbox.validation import invalid, required, unsupported

UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
NAME_LABEL: Final = "batch.kubernetes.io/job-name"
_UID_LABELS: Final = ("controller-uid", UID_LABEL)
_NAME_LABELS: Final = ("job-name", NAME_LABEL)
_ENDING: Final = '"OnFailure", "Never"'
_FIXED: Final = ("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_PLACING: Final = frozenset({"affinity", "nodeSelector", "tolerations", "schedulingGates"})
_LONGEST_CRON: Final = 52
_FIELD: Final = r"(\*|\?|[0-9A-Za-z]+)(-[0-9A-Za-z]+)?(/[0-9]+)?"
_SCHEDULE: Final = re.compile(rf"(@[a-z]+( [0-9hms.]+)?|({_FIELD}(,{_FIELD})*)(\s+{_FIELD}(,{_FIELD})*){{4}})")


def default_job(document: JSONMap) -> None:
    """One pod, six tries; labels of its template where it has none of its own."""
    _default_spec(document)
    labels = dig_map(document, "spec", "template", "metadata", "labels")
    if labels and not dig_map(document, "metadata", "labels"):
        as_map(document["metadata"])["labels"] = labels  # one map, as in a real server: see select_own


def _default_spec(holder: JSONMap) -> None:
    default_template(holder)
    spec = dig_map(holder, "spec")
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6 if "backoffLimitPerIndex" not in spec else 2**31 - 1)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")


def select_own(document: JSONMap, uid: str) -> None:
    """Give a new Job the selector and the labels by which its pods are its own alone, unless it brings them."""
    spec = dig_map(document, "spec")
    if spec.get("manualSelector") is True:
        return
    template = as_map(spec["template"])
    meta = as_map(template.setdefault("metadata", {}))
    labels = as_map(meta.setdefault("labels", {}))
    for name in _NAME_LABELS:
        labels.setdefault(name, dig_str(document, "metadata", "name"))
    for name in _UID_LABELS:
        labels.setdefault(name, uid)
    selector = as_map(spec.setdefault("selector", {}))
    as_map(selector.setdefault("matchLabels", {})).setdefault(UID_LABEL, uid)


def label_as_template(document: JSONMap) -> None:
    """A Job without labels has those of its template, the generated ones too: a server adds them when it reads it."""
    own = as_map(document["metadata"])
    labels = dig_map(document, "spec", "template", "metadata", "labels")
    if labels and not own.get("labels"):
        own["labels"] = dict(labels)


def admit_job(document: JSONMap, old: JSONMap | None) -> None:
    """A new Job has no status."""
    if old is None:
        document["status"] = {}


def admit_cron_job(document: JSONMap, old: JSONMap | None) -> None:
    """A new CronJob has run nothing."""
    if old is None:
        document["status"] = {}


def default_cron_job(document: JSONMap) -> None:
    """Runs may overlap; three good ones and a bad one are kept."""
    spec = dig_map(document, "spec")
    template = as_map(spec.setdefault("jobTemplate", {}))
    as_map(template.setdefault("spec", {}))
    default_template(template)
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)


def check_job(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a Job."""
    spec = dig_map(document, "spec")
    causes = _generated(document) + _spec(spec, "spec")
    selector = spec.get("selector")
    causes += [required("spec.selector")] if selector is None else selector_causes(selector, "spec.selector")
    labels = dig_map(spec, "template", "metadata", "labels")
    if selector is not None and not selects(selector, labels):
        text = "`selector` does not match template `labels`"
        causes.append(invalid("spec.template.metadata.labels", labels or None, text))
    return causes + (_kept(spec, old) if old is not None else [])


def check_cron_job(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a CronJob."""
    spec = dig_map(document, "spec")
    causes: list[Cause] = []
    schedule = dig_str(spec, "schedule")
    if not schedule:
        causes.append(required("spec.schedule"))
    elif not _SCHEDULE.fullmatch(schedule):
        fields = len(schedule.split())
        why = f"expected exactly 5 fields, found {fields}: [{schedule}]" if fields != 5 else "cannot be read"
        causes.append(invalid("spec.schedule", schedule, why))
    causes += not_negative(spec, "startingDeadlineSeconds", path="spec")
    causes += one_of(spec, "concurrencyPolicy", ["Allow", "Forbid", "Replace"], "spec")
    causes += _spec(dig_map(spec, "jobTemplate", "spec"), "spec.jobTemplate.spec")
    causes += not_negative(spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit", path="spec")
    name = dig_str(document, "metadata", "name")
    if old is None and len(name) > _LONGEST_CRON:
        causes.append(invalid("metadata.name", name, f"must be no more than {_LONGEST_CRON} characters"))
    return causes


def _spec(spec: JSONMap, path: str) -> list[Cause]:
    names = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    causes = not_negative(spec, *names, path=path)
    causes += one_of(spec, "completionMode", ["NonIndexed", "Indexed"], path)
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        causes.append(required(f"{path}.completions", "when completion mode is Indexed"))
    causes += one_of(spec, "podReplacementPolicy", ["Failed", "TerminatingOrFailed"], path)
    causes += template_causes(dig_map(spec, "template"), f"{path}.template")
    policy: JSON = dig(spec, "template", "spec", "restartPolicy")
    where = f"{path}.template.spec.restartPolicy"
    if policy == "Always":
        causes.append(required(where, f"valid values: {_ENDING}"))
    elif policy not in {"OnFailure", "Never"}:
        causes.append(unsupported(where, policy, ["OnFailure", "Never"]))
    return causes


def _generated(document: JSONMap) -> list[Cause]:
    """Labels that the server would have generated, and that say something else."""
    spec = dig_map(document, "spec")
    if spec.get("manualSelector") is True or spec.get("selector") is None:
        return []
    labels = dig_map(spec, "template", "metadata", "labels")
    wanted = dict.fromkeys(_UID_LABELS, dig_str(document, "metadata", "uid"))
    wanted |= dict.fromkeys(_NAME_LABELS, dig_str(document, "metadata", "name"))
    causes = [
        required(f"spec.template.metadata.labels[{name}]", f"must be '{value}'")
        if name not in labels
        else invalid(f"spec.template.metadata.labels[{name}]", labels, f"must be '{value}'")
        for name, value in wanted.items()
        if labels.get(name) != value
    ]
    asked: JSONMap = {**wanted}
    if not selects(spec.get("selector"), asked):
        causes.append(invalid("spec.selector", spec.get("selector"), "`selector` not auto-generated"))
    return causes


def _kept(spec: JSONMap, old: JSONMap) -> list[Cause]:
    causes: list[Cause] = []
    held = dig_map(old, "spec")
    free = held.get("suspend") is True and dig(old, "status", "startTime") is None
    if spec.get("completions") != held.get("completions"):
        causes.append(invalid("spec.completions", spec.get("completions"), "field is immutable"))
    template, before = dig_map(spec, "template"), dig_map(held, "template")
    if _fixed(template, free=free) != _fixed(before, free=free):
        causes.append(invalid("spec.template", template, "field is immutable"))
    causes += [
        invalid(f"spec.{name}", spec.get(name), "field is immutable")
        for name in _FIXED
        if spec.get(name) != held.get(name)
    ]
    return causes


def _fixed(template: JSONMap, *, free: bool) -> JSONMap:
    """What of a template never changes; of a Job that never began (`free`), where its pods go may."""
    if not free:
        return template
    spec = {name: value for name, value in dig_map(template, "spec").items() if name not in _PLACING}
    meta = {
        name: value for name, value in dig_map(template, "metadata").items() if name not in {"labels", "annotations"}
    }
    return {"metadata": meta, "spec": spec}
