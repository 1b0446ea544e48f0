"""What a contract story is made of: requests, and how their answers are made comparable.

A story is a list of `Step`s that run in order against one server. Answers of two servers differ in uids, versions and
times; `Normal` gives them names in the order in which they first appear, so that equality and change stay visible.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from sym.model.codec import JSON, JSONMap, dig, dig_str, encode, parse

JSON_MEDIA = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
COMPACT = "COMPACT"
"""The method of a step that is no request: the server forgets all but the present state."""
ENTER = "ENTER"
"""The method of a step that is a command in a container: a WebSocket from its upgrade to its end; `media` is its
protocol, and the answer says what came over each channel."""
PROTOBUF = "application/vnd.kubernetes.protobuf"
NAMESPACE = "contract-00000000"
"""Stands for `{ns}` in bodies that count their bytes; as long as every fresh namespace."""
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

_ADDRESS = re.compile(r"\b10\.96\.\d+\.\d+\b")
"""the addresses of Services, which servers draw"""
_AGE = re.compile(r"\d+s")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ")
"""what stands before each line of a log where timestamps are asked for"""
_VERSION = re.compile(
    r"((?:ResourceVersion in (?:precondition|object meta)|resource version|current): )\d+( \(\d+\))?"
    r"|((?:precondition|record) )\(\d+\)"
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SUFFIXED = re.compile(r"(generated-)[a-z0-9]{5}\b")


class Frame(Struct, frozen=True):
    """What a client sends into a container: to stdin (0), a terminal's size (4), or the channel to close (255; v5)."""

    channel: int
    data: bytes


class Step(Struct, frozen=True, kw_only=True):
    """One request. `{ns}` and `{saved.path}` in path and body are filled in; `save` names the answer for later steps.
    `only` are the paths of the answer that the story is about; none means all of it."""

    method: str
    path: str
    body: JSON = None
    media: str = JSON_MEDIA
    accept: str = JSON_MEDIA
    save: str = ""
    only: tuple[str, ...] = ()
    raw: bytes = b""
    frames: tuple[Frame, ...] = ()
    until: str = ""
    """ask again (for some seconds) until this text stands in status or body: a real server works in the background"""
    loose: bool = False
    """compare only status, reason and code: the sentence is the server's own (parsers, Go's own texts)"""
    lines: bool = False
    """the answer is a log: compare which lines it shows, and how; their words are the server's own"""


class Answer(Struct, frozen=True, kw_only=True):
    """What came back. `body` is text where it is not JSON, and a list of frames where it was a watch."""

    status: int
    body: JSON = None
    warning: str = ""


Story = tuple[Step, ...]


class Normal:
    """One run's names for what differs from server to server."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._names: dict[str, dict[str, str]] = {"uid": {}, "rv": {}, "line": {}}

    def answer(self, step: Step, answer: Answer) -> JSONMap:
        """The comparable form of an answer."""
        found: JSONMap = {"step": f"{step.method} {step.path}", "status": answer.status}
        if answer.warning:
            found["warning"] = answer.warning
        if step.loose:
            return {**found, "reason": dig(answer.body, "reason")}
        if step.only and answer.status < 300:
            chosen = {path: self._value(dig(answer.body, *_steps(path)), path.split(".")[-1]) for path in step.only}
            return {**found, "only": chosen}
        if step.lines and isinstance(answer.body, str):
            return {**found, "body": [self._line(line) for line in answer.body.splitlines(keepends=True)]}
        return {**found, "body": self._value(answer.body, "")}

    def _value(self, value: JSON, key: str) -> JSON:
        if isinstance(value, dict):
            kept = _without_sentence(value)
            ours = self._namespace
            return {name.replace(ours, "{ns}"): self._value(_once(kept[name], name), name) for name in sorted(kept)}
        if isinstance(value, list):
            ordered = sorted(value, key=_entry_order) if key == "managedFields" else value
            return [self._value(item, key) for item in ordered]
        if not isinstance(value, str):
            return value
        if key == "resourceVersion" and value:
            return self._named("rv", value)
        if key == "continue" and value:
            return "<token>"
        if key == "cells" and _AGE.fullmatch(value):
            return "<age>"
        if key == "name" and value == self._namespace:
            return "{ns}"
        text = _UUID.sub(lambda match: self._named("uid", match[0]), _ADDRESS.sub("<address>", value))
        text = _VERSION.sub(r"\1\3<rv>", _TIME.sub("<time>", _SUFFIXED.sub(r"\1<random>", text)))
        return text.replace(self._namespace, "{ns}")

    def _line(self, line: str) -> str:
        """A line of a log by its number, with its stamp; one that is cut short by its length."""
        stamp = _STAMP.match(line)
        text = line[stamp.end() :] if stamp else line
        told = self._named("line", text) if text.endswith("\n") else f"<cut after {len(text)}>"
        return f"<time> {told}" if stamp else told

    def _named(self, kind: str, value: str) -> str:
        names = self._names[kind]
        return names.setdefault(value, f"<{kind}{len(names) + 1}>")


def _once(value: JSON, key: str) -> JSON:
    """Causes without repetition: servers check some fields of metadata twice and say so twice."""
    if key != "causes" or not isinstance(value, list):
        return value
    found: list[JSON] = []
    for cause in value:
        if cause not in found:
            found.append(cause)
    return sorted(found, key=encode)


def _without_sentence(value: JSONMap) -> JSONMap:
    """A Status with several causes without its message (servers list them in no fixed order), a column without its
    description, a resource without its hash."""
    dropped = {"storageVersionHash"}
    if isinstance(causes := dig(value, "details", "causes"), list) and len(_distinct(causes)) > 1:
        dropped.add("message")
    if "jsonPath" not in value and value.keys() >= {"format", "priority", "type"}:
        dropped.add("description")
    return {name: item for name, item in value.items() if name not in dropped}


def _distinct(found: list[JSON]) -> set[bytes]:
    return {encode(item) for item in found}


def filled(text: str, namespace: str, saved: Mapping[str, JSON]) -> str:
    """`text` with `{ns}` and `{name.path.in.answer}` filled in."""
    for name in re.findall(r"\{([a-z]\w*(?:\.[\w]+)*)\}", text):
        first, *rest = name.split(".")
        value: JSON = namespace if name == "ns" else dig(saved.get(first), *_steps(".".join(rest)))
        if name == "ns" or value is not None:
            text = text.replace("{" + name + "}", str(value))
    return text


def decoded(body: bytes) -> JSON:
    """JSON where it is JSON, else text."""
    try:
        return parse(body)
    except ValueError:
        return body.decode(errors="replace")


def _steps(path: str) -> list[str | int]:
    return [int(step) if step.isdigit() else step for step in path.split(".") if step]


def _entry_order(entry: JSON) -> tuple[str, str, str]:
    """managedFields are compared by manager, operation and fields: their order follows the clock."""
    return dig_str(entry, "operation"), dig_str(entry, "manager"), dig_str(entry, "subresource")
