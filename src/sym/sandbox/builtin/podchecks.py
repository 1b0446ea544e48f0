"""Pods and pod templates: what a server refuses."""

from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox import naming, quantity
from sym.sandbox.builtin.bounds import PROTOCOLS, between, named, not_negative, one_of, port
from sym.sandbox.builtin.pods import maps
from sym.sandbox.builtin.selectors import selector_causes
from sym.sandbox.metacheck import label_causes
from sym.sandbox.validation import duplicate, forbidden, invalid, required, unsupported

NOT_FOUND: Final = "FieldValueNotFound"
_RESTARTS: Final = ["Always", "OnFailure", "Never"]
_DNS: Final = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]
_PULLS: Final = ["Always", "IfNotPresent", "Never"]
_ENDINGS: Final = ["File", "FallbackToLogsOnError"]
_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_LABELLED: Final = {
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.labels",
    "metadata.annotations",
    "spec.nodeName",
} | {"spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"}
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
_GRACE: Final = 2**31 - 1


def check_pod(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a Pod."""
    spec = dig_map(document, "spec")
    causes = pod_spec_causes(spec, "spec")
    if old is not None:
        causes += _changed(spec, dig_map(old, "spec"))
    return causes


def template_causes(template: JSONMap, path: str) -> list[Cause]:
    """What is wrong with the pod template of a workload that lives for ever."""
    metadata, spec = dig_map(template, "metadata"), dig_map(template, "spec")
    causes = label_causes(metadata.get("labels"), f"{path}.labels")
    return causes + pod_spec_causes(spec, f"{path}.spec")


def pod_spec_causes(spec: JSONMap, path: str) -> list[Cause]:
    """What is wrong with a pod's spec."""
    volumes, causes = _volumes(spec, f"{path}.volumes")
    causes += _containers(spec, path, volumes)
    causes += one_of(spec, "restartPolicy", _RESTARTS, path)
    causes += one_of(spec, "dnsPolicy", _DNS, path)
    if spec.get("dnsPolicy") == "None" and not dig_map(spec, "dnsConfig"):
        causes.append(required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None"))
    causes += label_causes(spec.get("nodeSelector"), f"{path}.nodeSelector")
    if "activeDeadlineSeconds" in spec:
        causes += between(spec["activeDeadlineSeconds"], 1, _GRACE, f"{path}.activeDeadlineSeconds")
    for field, rule in (("nodeName", naming.subdomain), ("hostname", naming.label_1123)):
        name = dig_str(spec, field)
        causes += [invalid(f"{path}.{field}", name, error) for error in (rule(name) if name else [])]
    causes += _affinity(dig_map(spec, "affinity"), f"{path}.affinity")
    for index, toleration in enumerate(maps(spec, "tolerations")):
        causes += _toleration(toleration, f"{path}.tolerations[{index}]")
    return causes


def _containers(spec: JSONMap, path: str, volumes: set[str]) -> list[Cause]:
    containers = maps(spec, "containers")
    causes = [] if containers else [required(f"{path}.containers")]
    names: set[JSON] = set()
    for field in ("containers", "initContainers"):
        for index, container in enumerate(maps(spec, field)):
            where = f"{path}.{field}[{index}]"
            causes += _container(container, where, volumes)
            name = container.get("name")
            if name and name in names:
                causes.append(duplicate(f"{where}.name", name))
            names.add(name)
    return causes


def _container(container: JSONMap, path: str, volumes: set[str]) -> list[Cause]:
    causes = named(container.get("name"), f"{path}.name")
    image = dig_str(container, "image")
    if not image:
        causes.append(required(f"{path}.image"))
    elif image != image.strip():
        causes.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    for field in ("postStart", "preStop"):
        handler = dig(container, "lifecycle", field)
        causes += _handler(dig_map(handler), f"{path}.lifecycle.{field}") if handler is not None else []
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(field), dict):
            causes += _probe(dig_map(container, field), f"{path}.{field}", once=field != "readinessProbe")
    causes += _ports(maps(container, "ports"), f"{path}.ports")
    for index, variable in enumerate(maps(container, "env")):
        causes += _variable(variable, f"{path}.env[{index}]")
    causes += _mounts(maps(container, "volumeMounts"), f"{path}.volumeMounts", volumes)
    causes += one_of(container, "imagePullPolicy", _PULLS, path)
    causes += one_of(container, "terminationMessagePolicy", _ENDINGS, path)
    causes += _resources(dig_map(container, "resources"), f"{path}.resources")
    user = dig(container, "securityContext", "runAsUser")
    return causes + between(user, 0, _GRACE, f"{path}.securityContext.runAsUser")


def _ports(ports: list[JSONMap], path: str) -> list[Cause]:
    causes: list[Cause] = []
    names: set[JSON] = set()
    hosts: set[str] = set()
    for index, one in enumerate(ports):
        where = f"{path}[{index}]"
        name = one.get("name")
        if name:
            causes += [invalid(f"{where}.name", name, error) for error in naming.port_name(str(name))]
            causes += [duplicate(f"{where}.name", name)] if name in names else []
            names.add(name)
        number = one.get("containerPort") or 0
        path_ = f"{where}.containerPort"
        causes += between(number, 1, 65535, path_) if number else [required(path_)]
        causes += one_of(one, "protocol", PROTOCOLS, where)
        host = one.get("hostPort")
        if host:
            causes += between(host, 1, 65535, f"{where}.hostPort")
            taken = f"{one.get('protocol')}/{one.get('hostIP', '')}/{host}"
            causes += [duplicate(f"{where}.hostPort", taken)] if taken in hosts else []
            hosts.add(taken)
    return causes


def _variable(variable: JSONMap, path: str) -> list[Cause]:
    name = dig_str(variable, "name")
    causes = (
        [invalid(f"{path}.name", name, error) for error in naming.env_name(name)]
        if name
        else [required(f"{path}.name")]
    )
    source = variable.get("valueFrom")
    if not isinstance(source, dict):
        return causes
    where = f"{path}.valueFrom"
    stated = [field for field in _SOURCES if field in source]
    if not stated:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        causes.append(invalid(where, "", f"must specify one of: {listed}"))
    elif variable.get("value"):
        causes.append(invalid(where, "", "may not be specified when `value` is not empty"))
    elif len(stated) > 1:
        causes.append(invalid(where, "", "may not have more than one field specified at a time"))
    keyed = [field for field in ("configMapKeyRef", "secretKeyRef") if field in source]
    causes += [required(f"{where}.{field}.key") for field in keyed if not dig_str(source, field, "key")]
    return causes + _field_reference(source, where)


def _field_reference(source: JSONMap, path: str) -> list[Cause]:
    if "fieldRef" not in source:
        return []
    field = dig_str(source, "fieldRef", "fieldPath")
    where = f"{path}.fieldRef.fieldPath"
    if not field:
        return [required(where)]
    if field not in _LABELLED and not field.startswith(("metadata.labels['", "metadata.annotations['")):
        return [invalid(where, field, f"error converting fieldPath: field label not supported: {field}")]
    return []


def _mounts(mounts: list[JSONMap], path: str, volumes: set[str]) -> list[Cause]:
    causes: list[Cause] = []
    places: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{path}[{index}]"
        name, place = dig_str(mount, "name"), dig_str(mount, "mountPath")
        if not name:
            causes.append(required(f"{where}.name"))
        elif name not in volumes:
            causes.append(Cause(f"{where}.name", f'Not found: "{name}"', NOT_FOUND))
        if not place:
            causes.append(required(f"{where}.mountPath"))
        elif place in places:
            causes.append(invalid(f"{where}.mountPath", place, "must be unique"))
        places.add(place)
    return causes


def _resources(resources: JSONMap, path: str) -> list[Cause]:
    limits, requests = dig_map(resources, "limits"), dig_map(resources, "requests")
    causes = _amounts(limits, f"{path}.limits")
    for name, amount in requests.items():
        causes += _amounts({name: amount}, f"{path}.requests")
        limit = limits.get(name)
        if limit is not None and quantity.parse(str(amount)) > quantity.parse(str(limit)):
            text = f"must be less than or equal to {name} limit of {limit}"
            causes.append(invalid(f"{path}.requests", amount, text))
    return causes


def _amounts(amounts: JSONMap, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for name, amount in amounts.items():
        where = f"{path}[{name}]"
        if "/" not in name and name not in _COMPUTE and not name.startswith("hugepages-"):
            causes.append(invalid(where, name, "must be a standard resource type or fully qualified"))
            causes.append(invalid(where, name, "must be a standard resource for containers"))
        if quantity.parse(str(amount)) < 0:
            causes.append(invalid(where, amount, "must be greater than or equal to 0"))
    return causes


def _probe(probe: JSONMap, path: str, *, once: bool) -> list[Cause]:
    causes = _handler(probe, path)
    fields = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
    causes += not_negative(probe, *fields, path=path)
    needed = probe.get("successThreshold")
    return [*causes, invalid(f"{path}.successThreshold", needed, "must be 1")] if once and needed != 1 else causes


def _handler(handler: JSONMap, path: str) -> list[Cause]:
    stated = [name for name in _HANDLERS if isinstance(handler.get(name), dict)]
    causes = [] if stated else [required(path, "must specify a handler type")]
    causes += [forbidden(f"{path}.{name}", "may not specify more than 1 handler type") for name in stated[1:]]
    if stated[:1] == ["exec"] and not dig_list(handler, "exec", "command"):
        causes.append(required(f"{path}.exec.command"))
    for name in ("httpGet", "tcpSocket"):
        if stated[:1] == [name]:
            causes += port(dig(handler, name, "port"), f"{path}.{name}.port")
    return causes


def _volumes(spec: JSONMap, path: str) -> tuple[set[str], list[Cause]]:
    """The names that may be mounted (of well-formed volumes), and what is wrong with the others."""
    names: set[str] = set()
    causes: list[Cause] = []
    for index, volume in enumerate(maps(spec, "volumes")):
        name = dig_str(volume, "name")
        found = _volume(volume, f"{path}[{index}]")
        if name in names and name:
            found.append(duplicate(f"{path}[{index}].name", name))
        names |= set() if found else {name}
        causes += found
    return names, causes


def _volume(volume: JSONMap, path: str) -> list[Cause]:
    causes = named(volume.get("name"), f"{path}.name")
    sources = [source for source in volume if source != "name"]
    causes += [forbidden(f"{path}.{extra}", "may not specify more than 1 volume type") for extra in sources[1:]]
    for source, field in (("secret", "secretName"), ("hostPath", "path"), ("persistentVolumeClaim", "claimName")):
        if sources[:1] == [source] and not dig_str(volume, source, field):
            causes.append(required(f"{path}.{source}.{field}"))
    return causes


def _affinity(affinity: JSONMap, path: str) -> list[Cause]:
    causes: list[Cause] = []
    hard = dig(affinity, "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if isinstance(hard, dict):
        where = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        terms = dig_list(hard, "nodeSelectorTerms")
        if not terms:
            causes.append(required(where, "must have at least one node selector term"))
        for index, term in enumerate(terms):
            causes += _node_term(dig_map(term), f"{where}[{index}]")
    return causes


def _node_term(term: JSONMap, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, wanted in enumerate(maps(term, "matchExpressions")):
        where = f"{path}.matchExpressions[{index}]"
        operator = dig_str(wanted, "operator")
        if operator not in {"Gt", "Lt"}:
            causes += selector_causes({"matchExpressions": [wanted]}, "")
            causes = [
                Cause(cause.field.replace(".matchExpressions[0]", where), cause.message, cause.reason)
                for cause in causes
            ]
        elif len(dig_list(wanted, "values")) != 1:
            causes.append(required(f"{where}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    return causes


def _toleration(toleration: JSONMap, path: str) -> list[Cause]:
    causes: list[Cause] = []
    operator, key = dig_str(toleration, "operator"), dig_str(toleration, "key")
    if not key and operator != "Exists":
        text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        causes.append(invalid(f"{path}.operator", operator, text))
    if operator == "Exists" and toleration.get("value"):
        causes.append(
            invalid(f"{path}.operator", toleration["value"], "value must be empty when `operator` is 'Exists'")
        )
    if operator not in {"", "Equal", "Exists"}:
        causes.append(unsupported(f"{path}.operator", operator, ["Equal", "Exists"]))
    return causes


_MAY_CHANGE: Final = frozenset({"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "nodeName"})


def _changed(spec: JSONMap, old: JSONMap) -> list[Cause]:
    """A pod's spec is fixed but for images, deadlines and tolerations."""
    if _fixed(spec) == _fixed(old):
        return []
    text = (
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [forbidden("spec", text)]


def _fixed(spec: JSONMap) -> JSONMap:
    kept = {name: value for name, value in spec.items() if name not in _MAY_CHANGE}
    for field in ("containers", "initContainers"):
        bare = [{name: value for name, value in one.items() if name != "image"} for one in maps(spec, field)]
        kept[field] = list[JSON](bare)
    return kept
