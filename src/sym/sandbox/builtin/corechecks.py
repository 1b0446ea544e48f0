"""Namespace, Service, ConfigMap, Secret, Lease, Event, Endpoints, EndpointSlice: what a server refuses."""

from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox import naming
from sym.sandbox.builtin.bounds import NOT_NEGATIVE, PROTOCOLS, address, between, one_of, port
from sym.sandbox.builtin.pods import maps
from sym.sandbox.metacheck import label_causes
from sym.sandbox.validation import duplicate, forbidden, invalid, required, too_long, unsupported

_DATA_LIMIT: Final = 1_048_576
_SERVICE_TYPES: Final = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
_SECRET_KEYS: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def namespace_name(name: str) -> list[str]:
    """The rule for the names of namespaces."""
    return ["must not contain dots"] if "." in name else naming.label_1123(name)


def check_config_map(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a ConfigMap."""
    data, binary = dig_map(document, "data"), dig_map(document, "binaryData")
    causes: list[Cause] = []
    for key in data:
        causes += [invalid(f"data[{key}]", key, error) for error in naming.config_key(key)]
        causes += [invalid(f"data[{key}]", key, "duplicate of key present in binaryData")] if key in binary else []
    for key in binary:
        causes += [invalid(f"binaryData[{key}]", key, error) for error in naming.config_key(key)]
    size = sum(len(str(value).encode()) for value in data.values())
    size += sum(len(str(value)) * 3 // 4 for value in binary.values())
    causes += [too_long("[]", _DATA_LIMIT)] if size > _DATA_LIMIT else []
    return causes + _immutable(document, old, ("data", "binaryData"))


def check_secret(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a Secret."""
    data = dig_map(document, "data")
    causes: list[Cause] = []
    for key in data:
        causes += [invalid(f"data[{key}]", key, error) for error in naming.config_key(key)]
    size = sum(len(str(value)) * 3 // 4 for value in data.values())
    causes += [too_long("data", _DATA_LIMIT)] if size > _DATA_LIMIT else []
    kind = dig_str(document, "type")
    causes += [required(f"data[{key}]") for key in _SECRET_KEYS.get(kind, ()) if key not in data]
    if kind == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        causes += [required("data[username]"), required("data[password]")]
    if old is not None and old.get("type") != kind:
        causes.append(invalid("type", kind, "field is immutable"))
    return causes + _immutable(document, old, ("data",))


def _immutable(document: JSONMap, old: JSONMap | None, fields: tuple[str, ...]) -> list[Cause]:
    if old is None or old.get("immutable") is not True:
        return []
    why = "field is immutable when `immutable` is set"
    causes = [] if document.get("immutable") is True else [forbidden("immutable", why)]
    return causes + [forbidden(field, why) for field in fields if document.get(field) != old.get(field)]


def check_service(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a Service."""
    spec = dig_map(document, "spec")
    kind = dig_str(spec, "type")
    ports = maps(spec, "ports")
    causes: list[Cause] = []
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    causes += _service_ports(ports, kind)
    causes += label_causes(spec.get("selector"), "spec.selector")
    causes += one_of(spec, "sessionAffinity", ["ClientIP", "None"], "spec")
    if kind not in _SERVICE_TYPES:
        causes.append(unsupported("spec.type", kind, _SERVICE_TYPES))
    if kind == "ExternalName":
        causes += [] if dig_str(spec, "externalName") else [required("spec.externalName")]
    elif "clusterIP" in spec:
        causes += _cluster_ip(spec.get("clusterIP"), kind)
    before = dig_str(old, "spec", "clusterIP") if old is not None and kind != "ExternalName" else ""
    if before and dig(old, "spec", "type") != "ExternalName" and before != spec.get("clusterIP"):
        stated: list[JSON] = [spec["clusterIP"]] if "clusterIP" in spec else []
        causes.append(invalid("spec.clusterIPs[0]", stated, "may not change once set"))
    return causes


def _cluster_ip(value: JSON, kind: str) -> list[Cause]:
    path = "spec.clusterIPs[0]"
    if value == "None":
        text = f"may not be set to 'None' for {kind} services"
        return [invalid(path, value, text)] if kind in {"NodePort", "LoadBalancer"} else []
    return address(value, path) if value else []


def _service_ports(ports: list[JSONMap], kind: str) -> list[Cause]:
    causes: list[Cause] = []
    names: set[JSON] = set()
    taken: set[tuple[JSON, JSON]] = set()
    for index, one in enumerate(ports):
        path = f"spec.ports[{index}]"
        name = dig_str(one, "name")
        if not name and len(ports) > 1:
            causes.append(required(f"{path}.name"))
        elif name:
            causes += [invalid(f"{path}.name", name, error) for error in naming.label_1123(name)]
            causes += [duplicate(f"{path}.name", name)] if name in names else []
        names.add(name)
        causes += between(one.get("port") or 0, 1, 65535, f"{path}.port")
        causes += one_of(one, "protocol", PROTOCOLS, path)
        causes += port(one.get("targetPort"), f"{path}.targetPort") if kind != "ExternalName" else []
        if one.get("nodePort") and kind == "ClusterIP":
            causes.append(forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'"))
        used = (one.get("protocol"), one.get("port"))
        causes += [_same_port(one, path)] if used in taken else []
        taken.add(used)
    return causes


def _same_port(one: JSONMap, path: str) -> Cause:
    """The refusal that prints the server's own struct."""
    text = f'{{"Name":"","Protocol":"{one.get("protocol")}","AppProtocol":null,"Port":{one.get("port")}'
    return Cause(path, f'Duplicate value: {text},"TargetPort":0,"NodePort":0}}', "FieldValueDuplicate")


def check_lease(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with a Lease."""
    spec = dig_map(document, "spec")
    causes: list[Cause] = []
    duration, moves = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if isinstance(duration, int) and duration <= 0:
        causes.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    if isinstance(moves, int) and moves < 0:
        causes.append(invalid("spec.leaseTransitions", moves, NOT_NEGATIVE))
    return causes


def check_endpoints(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with Endpoints."""
    causes: list[Cause] = []
    for index, subset in enumerate(maps(document, "subsets")):
        path = f"subsets[{index}]"
        for field in ("addresses", "notReadyAddresses"):
            for at, one in enumerate(maps(subset, field)):
                bad = address(one.get("ip"), f"{path}.{field}[{at}].ip")
                causes += bad
                causes += [invalid(cause.field, one.get("ip"), "must be a valid IP address") for cause in bad]
        for at, one in enumerate(maps(subset, "ports")):
            causes += between(one.get("port") or 0, 1, 65535, f"{path}.ports[{at}].port")
            causes += one_of(one, "protocol", PROTOCOLS, f"{path}.ports[{at}]")
    return causes


def check_endpoint_slice(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with an EndpointSlice."""
    if not document.get("addressType"):
        return [required("addressType")]
    causes = one_of(document, "addressType", ["FQDN", "IPv4", "IPv6"], "")
    causes = [Cause(cause.field.lstrip("."), cause.message, cause.reason) for cause in causes]
    for index, endpoint in enumerate(maps(document, "endpoints")):
        if not dig_list(endpoint, "addresses"):
            causes.append(required(f"endpoints[{index}].addresses", "must contain at least 1 address"))
    if old is not None and old.get("addressType") != document.get("addressType"):
        causes.append(invalid("addressType", document.get("addressType"), "field is immutable"))
    return causes
