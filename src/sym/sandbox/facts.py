"""What a real API server (1.34) says about its built-in kinds: discovery, printer columns, OpenAPI v3.

The files under data/ are written by tools/facts/, without any description. They are read when first asked for
and then kept, so nobody may change what these functions return.
"""

import lzma
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from sym.model.codec import JSONMap, dig_list, dig_map, dig_str, parse_map

PLACES = (
    "api/v1",
    "apis/apiextensions.k8s.io/v1",
    "apis/apps/v1",
    "apis/authorization.k8s.io/v1",
    "apis/autoscaling/v2",
    "apis/batch/v1",
    "apis/coordination.k8s.io/v1",
    "apis/discovery.k8s.io/v1",
    "apis/events.k8s.io/v1",
    "apis/networking.k8s.io/v1",
    "apis/policy/v1",
    "apis/rbac.authorization.k8s.io/v1",
)
"""The built-in groups and versions that the sandbox serves, as they stand in URLs."""


def version() -> JSONMap:
    """The answer of `/version`."""
    return dig_map(_discovery(), "version")


def aggregated(*, core: bool) -> list[JSONMap]:
    """The items of an APIGroupDiscoveryList (v2): of `/api` where `core`, of `/apis` otherwise, without CRDs."""
    return [item for item in dig_list(_discovery(), "core" if core else "groups") if isinstance(item, dict)]


def resources(place: str) -> list[JSONMap]:
    """The `resources` of the APIResourceList at `place` (`api/v1`, `apis/apps/v1`); empty for an unknown place."""
    return [item for item in dig_list(_discovery(), "legacy", place) if isinstance(item, dict)]


def columns(place: str, plural: str) -> list[JSONMap]:
    """The column definitions (name, type, format, priority) of a built-in kind's Table; empty where unknown."""
    return [item for item in dig_list(_discovery(), "columns", f"{place}/{plural}") if isinstance(item, dict)]


@cache
def openapi(place: str) -> JSONMap:
    """The OpenAPI v3 document of one of PLACES: paths and the schemas that they need. Raises KeyError."""
    if place not in PLACES:
        raise KeyError(place)
    return _read("openapi-" + place.replace("/", "_"))


@cache
def schema_names(place: str) -> Mapping[str, str]:
    """Schema name by kind, for the kinds that belong to `place` itself."""
    group, _, version_ = place.removeprefix("apis/").removeprefix("api/").rpartition("/")
    found: dict[str, str] = {}
    for name, schema in dig_map(openapi(place), "components", "schemas").items():
        kinds = [item for item in dig_list(schema, "x-kubernetes-group-version-kind") if isinstance(item, dict)]
        if len(kinds) == 1 and (kinds[0].get("group"), kinds[0].get("version")) == (group, version_):
            found[dig_str(kinds[0], "kind")] = name
    return found


@cache
def protobuf() -> JSONMap:
    """The table of protobuf messages (tools/facts/protobuf.py): `kinds` by apiVersion and kind, `messages` by name.

    A message is a list of [number, JSON name, type, flags]; flags are r repeated, m map, i inline, z left out if zero.
    """
    return _read("protobuf")


def kinds_of(group: str, version_: str) -> frozenset[str]:
    """The built-in kinds of a group and version; none where it is not served."""
    place = place_of(group, version_)
    return frozenset(schema_names(place)) if place in PLACES else frozenset()


def place_of(group: str, version_: str) -> str:
    """`api/v1` for the core group, `apis/GROUP/VERSION` for others."""
    return f"apis/{group}/{version_}" if group else f"api/{version_}"


@cache
def _discovery() -> JSONMap:
    return _read("discovery")


def _read(name: str) -> JSONMap:
    packed = files("sym.sandbox").joinpath("data", f"{name}.json.xz").read_bytes()
    return parse_map(lzma.decompress(packed))
