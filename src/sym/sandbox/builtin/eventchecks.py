"""What a server refuses of Events: what every Event must say, and what events.k8s.io asks beside it.

Checks look at an Event as it is kept, in v1's names, and name fields as the server does.
"""

from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSONMap, dig, dig_str
from sym.sandbox import naming
from sym.sandbox.events import NEWER, kept
from sym.sandbox.validation import invalid, required

_LONGEST: Final = (("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024))
_FOR_OLD: Final = ("firstTimestamp", "lastTimestamp", "count")
_SETTLED: Final = (
    ("involvedObject", "involvedObject"),
    ("reason", "reason"),
    ("message", "message"),
    ("source", "source"),
    ("firstTimestamp", "firstTimestamp"),
    ("lastTimestamp", "lastTimestamp"),
    ("count", "count"),
    ("type", "type"),
    ("eventTime", "eventTime"),
    ("action", "action"),
    ("related", "related"),
    ("reportingComponent", "reportingController"),
    ("reportingInstance", "reportingInstance"),
)
"""What events.k8s.io lets nobody change, and how the server calls it then."""


def check_event(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with an Event of v1."""
    return _check_any(document, "reportingComponent")


def check_newer_event(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with an Event of events.k8s.io/v1."""
    event = kept(NEWER, document)
    causes = _check_any(event, "reportingController")
    if old is not None:
        before = kept(NEWER, old)
        changed = [(field, name) for field, name in _SETTLED if event.get(field) != before.get(field)]
        return causes + [invalid(name, event.get(field), "field is immutable") for field, name in changed]
    causes += [] if event.get("eventTime") else [required("eventTime")]
    if (kind := dig_str(event, "type")) not in {"Normal", "Warning"}:
        causes.append(invalid("type", "", f"has invalid value: {kind}"))
    unwanted = [field for field in _FOR_OLD if event.get(field)] + (["source"] if event.get("source") else [])
    return causes + [invalid(field, "", "needs to be unset") for field in unwanted]


def _check_any(event: JSONMap, reporter: str) -> list[Cause]:
    own, stated = dig_str(event, "metadata", "namespace"), dig_str(event, "involvedObject", "namespace")
    timed = bool(event.get("eventTime"))
    homes = {"default", "kube-system"} if timed else {"default"}
    misplaced = own not in homes if not stated else not timed and own != stated
    causes = [invalid("involvedObject.namespace", stated, "does not match event.namespace")] if misplaced else []
    return causes + (_check_timed(event, reporter) if timed else [])


def _check_timed(event: JSONMap, reporter: str) -> list[Cause]:
    name = dig_str(event, "reportingComponent")
    causes = [] if name else [required(reporter)]
    causes += [invalid(reporter, name, error) for error in naming.qualified(name)]
    for field, longest in _LONGEST:
        text = str(dig(event, field) or "")
        if not text and field != "message":
            causes.append(required(field))
        if len(text.encode()) > longest:
            causes.append(invalid(field, "", f"can have at most {longest} characters"))
    return causes
