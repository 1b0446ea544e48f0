"""Stories: requests with a real kube-apiserver's answers (1.34.2), and how the sandbox's functions answer them.

A story is a list of steps on one object of one kind. A step of `dry: true` leaves no trace. Answers are recorded by
`python -m tests.sandbox.ask_real --update`: the code, the message of a refusal, and for a success what differs from the
object before the step (JSON pointers; lists as a whole), without what differs from run to run.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct, json

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str
from sym.sandbox import cel, decoding, managed, schema, validation
from sym.sandbox.apply import ApplyConflict, server_side_apply
from sym.sandbox.builtin import kinds
from sym.sandbox.managed import Writer
from sym.sandbox.metacheck import validate_metadata, validate_metadata_update
from sym.sandbox.patch import PatchError, json_patch, merge_patch, object_patch, strategic_merge

RECORDED = Path(__file__).with_name("recorded")
NAMESPACE = "sym-stories"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CLUSTER_KINDS = {"Namespace", "Node", "CustomResourceDefinition"}


class Step(Struct, omit_defaults=True):
    """One request and its recorded answer. `message` is of a refusal, `put` and `gone` of a success."""

    verb: str
    body: object
    manager: str = "story"
    force: bool = False
    subresource: str = ""
    dry: bool = False
    code: int = 0
    message: str = ""
    put: dict[str, object] = {}
    gone: list[str] = []


class Story(Struct, omit_defaults=True):
    """Steps on one object. `schema` makes the kind a custom one."""

    name: str
    api_version: str
    kind: str
    steps: list[Step]
    schema: dict[str, object] | None = None


class Answer(Struct):
    """What a server says: a code, and a message or an object."""

    code: int
    message: str = ""
    body: object = None


def stories(file: str) -> list[Story]:
    """The stories of a recorded file."""
    return json.decode((RECORDED / f"{file}.json").read_bytes(), type=list[Story])


def steady(document: JSONMap) -> JSONMap:
    """An answered object without what differs from run to run, or is another part's work."""
    document = deepcopy(document)
    metadata = as_map(document["metadata"])
    for name in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        held = metadata.pop(name, None)
        if name == "managedFields" and isinstance(held, list):
            kept: list[JSON] = [dict(_timeless(as_map(entry))) for entry in held if _is_ours(as_map(entry))]
            metadata["managedFields"] = sorted(kept, key=_entry_order)
    annotations = dig_map(metadata, "annotations")
    annotations.pop("deployment.kubernetes.io/revision", None)
    if metadata.get("annotations") == {}:
        del metadata["annotations"]
    if document.get("kind") in {"Deployment", "ReplicaSet", "StatefulSet"}:
        document.pop("status", None)
    if document.get("kind") == "Service":
        _without_addresses(dig_map(document, "spec"))
    return document


def _is_ours(entry: JSONMap) -> bool:
    return entry.get("manager") != "kube-controller-manager"


def _timeless(entry: JSONMap) -> Iterator[tuple[str, JSON]]:
    return ((name, value) for name, value in entry.items() if name != "time")


def _entry_order(entry: JSON) -> tuple[str, str, str]:
    return dig_str(entry, "operation"), dig_str(entry, "manager"), dig_str(entry, "subresource")


def _without_addresses(spec: JSONMap) -> None:
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    for port in dig_list(spec, "ports"):
        as_map(port).pop("nodePort", None)


class Player:
    """Plays a story with the sandbox's functions, in the order in which a server calls them."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.group, _, self.version = story.api_version.rpartition("/")
        self.custom = story.schema is not None
        found = schema.custom(json.decode(json.encode(story.schema))) if story.schema is not None else None
        node = found or schema.builtin(self.group, self.version, story.kind)
        if node is None:
            raise ValueError(f"unknown kind {story.kind}")
        self.node = node
        self.live: JSONMap | None = None

    def play(self, step: Step) -> Answer:
        """The answer to one step."""
        try:
            new = self._written(step)
        except ApplyConflict as conflict:
            return Answer(409, str(conflict))
        except PatchError as error:
            return Answer(error.code, error.message)
        if isinstance(new, Answer):
            return new
        causes = self._causes(new)
        if causes:
            kind = f"{self.story.kind}.{self.group}" if self.group else self.story.kind
            return Answer(422, validation.sentence(kind, dig_str(new, "metadata", "name"), causes))
        answer = Answer(201 if self.live is None else 200, body=steady(new))
        if not step.dry:
            self.live = new
        return answer

    def _written(self, step: Step) -> JSONMap | Answer:
        writer = Writer(
            manager=step.manager,
            api_version=self.story.api_version,
            node=self.node,
            now=NOW,
            subresource=step.subresource,
        )
        body = json.decode(json.encode(step.body))
        if step.verb == "apply":
            return self._completed(server_side_apply(self.live, as_map(body), writer, force=step.force))
        new = self._patched(step.verb, body)
        misfit = decoding.metadata_misfit(self.node, new) if self.custom else decoding.misfit(self.node, new)
        if misfit:
            kind = self.story.kind
            return Answer(400, f'{kind} in version "{self.version}" cannot be handled as a {kind}: {misfit}')
        new = as_map(schema.prune(self.node, new))
        if self.custom:
            new = as_map(schema.without_nulls(self.node, new))
        if step.subresource == "status" and self.live is not None:
            new = {**self.live, "status": new.get("status")}
        completed = self._completed(new, admit=False)
        tracked = managed.track(self.live, completed, writer)
        return self._admitted(tracked)

    def _patched(self, verb: str, body: JSON) -> JSONMap:
        live = self.live or {}
        match verb:
            case "merge":
                return as_map(merge_patch(live, object_patch(body)))
            case "strategic":
                return strategic_merge(live, object_patch(body, strategic=True), self.node)
            case "json":
                return as_map(json_patch(live, body))
            case "update":
                metadata: JSONMap = {**dig_map(live, "metadata"), **dig_map(body, "metadata")}
                return {**as_map(body), "metadata": metadata}
            case _:
                return as_map(body)

    def _completed(self, document: JSONMap, *, admit: bool = True) -> JSONMap:
        metadata: JSONMap = {**dig_map(document, "metadata")}
        if self.story.kind not in CLUSTER_KINDS:
            metadata["namespace"] = NAMESPACE
        document = {**document, "metadata": metadata}
        if self.custom:
            return as_map(schema.default(self.node, document))
        completed = kinds.complete(self.group, self.story.kind, self.node, document)
        return self._admitted(completed) if admit else completed

    def _admitted(self, document: JSONMap) -> JSONMap:
        if not self.custom:
            document = deepcopy(document)
            kinds.admit(self.group, self.story.kind, document, self.live)
        return document

    def _causes(self, document: JSONMap) -> list[Cause]:
        if not self.custom:
            return kinds.check(self.group, self.story.kind, document, self.live)
        causes = validate_metadata(document)
        causes += validate_metadata_update(document, self.live) if self.live is not None else []
        causes += validation.validate(self.node, document, self.live)
        return causes + cel.validate_rules(self.node, document, self.live, causes)


def expected(before: JSONMap, step: Step) -> JSONMap:
    """The recorded object after a successful step."""
    after = deepcopy(before)
    for pointer, value in step.put.items():
        parent, name = _parent(after, pointer)
        parent[name] = json.decode(json.encode(value))
    for pointer in step.gone:
        parent, name = _parent(after, pointer)
        del parent[name]
    return after


def _parent(document: JSONMap, pointer: str) -> tuple[JSONMap, str]:
    *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return as_map(dig(document, *steps)), last


def path_of(story: Story, plural: str, name: str = "") -> str:
    """The URL of a story's collection, or of its object."""
    root = f"/apis/{story.api_version}" if "/" in story.api_version else f"/api/{story.api_version}"
    space = "" if story.kind in CLUSTER_KINDS else f"/namespaces/{NAMESPACE}"
    return f"{root}{space}/{plural}" + (f"/{name}" if name else "")


def name_of(story: Story) -> str:
    """The name of the object that a story is about."""
    return dig_str(json.decode(json.encode(story.steps[0].body)), "metadata", "name")


def difference(before: JSONMap, after: JSONMap, at: str = "") -> tuple[JSONMap, list[str]]:
    """What turns one object into the other: values by pointer, and pointers of what goes."""
    put: JSONMap = {}
    gone = [f"{at}/{_escaped(name)}" for name in before if name not in after]
    for name, value in after.items():
        pointer, old = f"{at}/{_escaped(name)}", before.get(name)
        if isinstance(old, dict) and isinstance(value, dict) and old != value:
            below, lost = difference(old, value, pointer)
            put |= below
            gone += lost
        elif name not in before or old != value:
            put[pointer] = value
    return put, gone


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def pieces(message: str) -> list[str]:
    """A message for comparison: its causes in any order, because the server walks maps in none."""
    for opening, between in ((" is invalid: [", ", "), (": errors:\n", "\n")):
        head, found, causes = message.partition(opening)
        if found:
            return [head, *sorted(causes.removesuffix("]").split(between))]
    return [message]
