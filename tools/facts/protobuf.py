"""Takes from the Go module cache how kinds look in protobuf, and writes src/sym/sandbox/data/protobuf.json.xz.

    python tools/facts/protobuf.py [--modules "$(go env GOMODCACHE)"] [--release v0.34.2]

Numbers and types come from the modules' `generated.proto`, JSON names and what is left out from the tags of the Go
structs of the same name: facts. No comment is taken. Only what `KINDS` names and needs is written. Relies on the
standard library only; the same modules always give the same bytes.
"""

import argparse
import json
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TARGET = Path(__file__).resolve().parents[2] / "src/sym/sandbox/data/protobuf.json.xz"

PACKAGES = {
    "k8s.io.api.apps.v1": "api@{release}/apps/v1",
    "k8s.io.api.authentication.v1": "api@{release}/authentication/v1",
    "k8s.io.api.authorization.v1": "api@{release}/authorization/v1",
    "k8s.io.api.autoscaling.v1": "api@{release}/autoscaling/v1",
    "k8s.io.api.autoscaling.v2": "api@{release}/autoscaling/v2",
    "k8s.io.api.batch.v1": "api@{release}/batch/v1",
    "k8s.io.api.coordination.v1": "api@{release}/coordination/v1",
    "k8s.io.api.core.v1": "api@{release}/core/v1",
    "k8s.io.api.discovery.v1": "api@{release}/discovery/v1",
    "k8s.io.api.events.v1": "api@{release}/events/v1",
    "k8s.io.api.networking.v1": "api@{release}/networking/v1",
    "k8s.io.api.policy.v1": "api@{release}/policy/v1",
    "k8s.io.api.rbac.v1": "api@{release}/rbac/v1",
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1": (
        "apiextensions-apiserver@{release}/pkg/apis/apiextensions/v1"
    ),
    "k8s.io.apimachinery.pkg.api.resource": "apimachinery@{release}/pkg/api/resource",
    "k8s.io.apimachinery.pkg.apis.meta.v1": "apimachinery@{release}/pkg/apis/meta/v1",
    "k8s.io.apimachinery.pkg.runtime": "apimachinery@{release}/pkg/runtime",
    "k8s.io.apimachinery.pkg.util.intstr": "apimachinery@{release}/pkg/util/intstr",
}
"""Protobuf package -> its folder among the modules of k8s.io."""

KINDS = {
    "v1": (
        "k8s.io.api.core.v1",
        "Binding ConfigMap Endpoints Event Namespace Node PersistentVolumeClaim Pod Secret Service ServiceAccount",
    ),
    "apiextensions.k8s.io/v1": (
        "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1",
        "CustomResourceDefinition",
    ),
    "apps/v1": ("k8s.io.api.apps.v1", "ControllerRevision Deployment ReplicaSet StatefulSet"),
    "authentication.k8s.io/v1": ("k8s.io.api.authentication.v1", "SelfSubjectReview"),
    "authorization.k8s.io/v1": ("k8s.io.api.authorization.v1", "SelfSubjectAccessReview"),
    "autoscaling/v1": ("k8s.io.api.autoscaling.v1", "Scale"),
    "autoscaling/v2": ("k8s.io.api.autoscaling.v2", "HorizontalPodAutoscaler"),
    "batch/v1": ("k8s.io.api.batch.v1", "CronJob Job"),
    "coordination.k8s.io/v1": ("k8s.io.api.coordination.v1", "Lease"),
    "discovery.k8s.io/v1": ("k8s.io.api.discovery.v1", "EndpointSlice"),
    "events.k8s.io/v1": ("k8s.io.api.events.v1", "Event"),
    "meta.k8s.io/v1": ("k8s.io.apimachinery.pkg.apis.meta.v1", "DeleteOptions"),
    "networking.k8s.io/v1": ("k8s.io.api.networking.v1", "Ingress IngressClass NetworkPolicy"),
    "policy/v1": ("k8s.io.api.policy.v1", "Eviction PodDisruptionBudget"),
    "rbac.authorization.k8s.io/v1": (
        "k8s.io.api.rbac.v1",
        "ClusterRole ClusterRoleBinding Role RoleBinding",
    ),
}
"""apiVersion -> protobuf package, kinds: what the sandbox serves, and what is posted to its subresources."""

OWN_JSON = frozenset(
    {
        "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON",
        "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray",
        "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool",
        "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray",
        "k8s.io.apimachinery.pkg.api.resource.Quantity",
        "k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1",
        "k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime",
        "k8s.io.apimachinery.pkg.apis.meta.v1.Time",
        "k8s.io.apimachinery.pkg.runtime.RawExtension",
        "k8s.io.apimachinery.pkg.util.intstr.IntOrString",
    }
)
"""Messages whose Go types write their JSON themselves: fields keep their protobuf names."""

SCALARS = {"string", "bytes", "bool", "int32", "int64", "double", "json"}
"""What a field may hold beside a message. `json` is our name for bytes that hold a JSON document."""

_MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\s*(optional|repeated) ([.\w]+) (\w+) = (\d+);", re.MULTILINE)
_MAP = re.compile(r"^\s*map<string, ([.\w]+)> (\w+) = (\d+);", re.MULTILINE)
_LINE = re.compile(r"^\s*(?:optional|repeated|required|map<|oneof|extensions|group)\b.*$", re.MULTILINE)
_STRUCT = re.compile(r"^type (\w+) struct \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_GO_FIELD = re.compile(r"^\s*(?:(?P<name>\w+)\s+)?(?P<type>[*\[\]\w.]+)\s+`(?P<tags>[^`]*)`", re.MULTILINE)
_TAG = re.compile(r'(\w+):"([^"]*)"')


class Field(NamedTuple):
    """One field. `flags`: r repeated, m map from strings, i inlined into its owner, z left out where it is zero.
    `go_name` is what the servers' decoder calls it."""

    number: int
    name: str
    type: str
    flags: str
    go_name: str


class GoField(NamedTuple):
    """What a struct says of a field."""

    go_name: str
    name: str
    inline: bool = False
    omits_empty: bool = False
    omits_zero: bool = False


Message = list[Field]


class Modules:
    """The messages of the packages, with the Go structs that belong to them."""

    def __init__(self, folder: Path, release: str) -> None:
        self._protos: dict[str, str] = {}
        self._structs: dict[str, dict[int, GoField]] = {}
        for package, place in PACKAGES.items():
            self._read(package, folder / "k8s.io" / place.format(release=release))

    def _read(self, package: str, folder: Path) -> None:
        proto = _without_comments((folder / "generated.proto").read_text())
        self._protos |= {f"{package}.{name}": body for name, body in _MESSAGE.findall(proto)}
        for path in sorted(folder.glob("*.go")):
            if _is_source(path):
                found = _STRUCT.findall(_without_comments(path.read_text()))
                self._structs |= {f"{package}.{name}": _tags(body) for name, body in found}

    def message(self, name: str) -> Message:
        """A message's fields in the order of their numbers."""
        if name not in self._protos:
            raise SystemExit(f"the modules define no {name}")
        own = name in OWN_JSON or name not in self._structs
        tags = {} if own else self._structs[name]
        found: Message = []
        for number, flags, type_, spelled in _stated(name, self._protos[name]):
            if number not in tags and not own:
                raise SystemExit(f"{name}.{spelled} has no tag in Go")
            tag = tags.get(number, GoField(spelled[:1].upper() + spelled[1:], spelled))
            shown = "json" if name in OWN_JSON and type_ == "bytes" else type_
            is_struct = type_ not in SCALARS and not flags
            leaves_out = tag.omits_zero or (tag.omits_empty and not is_struct)  # no struct is ever empty
            marks = flags + ("i" if tag.inline else "") + ("z" if leaves_out else "")
            found.append(Field(number, tag.name, shown, marks, tag.go_name))
        return found


def main() -> None:
    """Reads the modules and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=Path, default=Path.home() / "go/pkg/mod")
    parser.add_argument("--release", default="v0.34.2")
    options = parser.parse_args()
    modules = Modules(options.modules, options.release)
    kinds = {version: _names(*named) for version, named in KINDS.items()}
    messages: dict[str, Message] = {}
    wanted = {message for found in kinds.values() for message in found.values()}
    while wanted:
        messages |= {name: modules.message(name) for name in wanted}
        wanted = {field.type for found in messages.values() for field in found} - SCALARS - messages.keys()
    _write(kinds, dict(sorted(messages.items())))


def _names(package: str, kinds: str) -> dict[str, str]:
    return {kind: f"{package}.{kind}" for kind in kinds.split()}


def _is_source(path: Path) -> bool:
    return not path.name.endswith(("_test.go", ".pb.go")) and not path.name.startswith("zz_")


def _without_comments(text: str) -> str:
    lines = re.sub(r"^\s*//.*$|[ \t]//[^\"`\n]*$", "", text, flags=re.MULTILINE)
    return re.sub(r"/\*.*?\*/", "", lines, flags=re.DOTALL)


def _tags(body: str) -> dict[int, GoField]:
    """The struct's fields that protobuf knows, by number."""
    found: dict[int, GoField] = {}
    for match in _GO_FIELD.finditer(body):
        tags = dict(_TAG.findall(match["tags"]))
        number = tags.get("protobuf", "-").split(",")
        if len(number) < 2:  # not a wire type and a number
            continue
        name, *options = tags.get("json", "").split(",")
        omits_empty = "omitempty" in options and not match["type"].startswith("*")
        go_name = match["name"] or match["type"].rpartition(".")[2]
        found[int(number[1])] = GoField(go_name, name, "inline" in options, omits_empty, "omitzero" in options)
    return found


def _stated(message: str, body: str) -> Iterator[tuple[int, str, str, str]]:
    """number, flags, type and name of each field of a message, by number."""
    package = message.rpartition(".")[0]
    found = [("r" if label == "repeated" else "", *rest) for label, *rest in _FIELD.findall(body)]
    found += [("m", *rest) for rest in _MAP.findall(body)]
    if len(found) != len(_LINE.findall(body)):
        raise SystemExit(f"{message} has a field that this tool cannot read")
    for flags, type_, name, number in sorted(found, key=lambda field: int(field[3])):
        yield int(number), flags, _resolved(package, type_), name


def _resolved(package: str, type_: str) -> str:
    if type_ in SCALARS:
        return type_
    return type_[1:] if type_.startswith(".") else f"{package}.{type_}"


def _write(kinds: dict[str, dict[str, str]], messages: dict[str, Message]) -> None:
    table = {"kinds": kinds, "messages": {name: [list(field) for field in found] for name, found in messages.items()}}
    data = json.dumps(table, separators=(",", ":")).encode()
    packed = lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, preset=9 | lzma.PRESET_EXTREME)
    TARGET.write_bytes(packed)


if __name__ == "__main__":
    main()
