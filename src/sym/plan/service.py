"""The Service of an app in one cluster, and which of its pods are behind it.

There is one, `<app>-svc`: headless, in front of the pods of all podSets. StatefulSets need it for the names of their
pods, Deployments get it where spec.serviceName is set; a chart brings its own. What is told of endpoints holds for
every Service whose label `app` says that it is the app's. Source: contract.md 2, semantics.md 4.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sym.model import names
from sym.model.advdeployment import AdvDeployment, ChildPodSet
from sym.model.appset import DeployType, EndpointPort, InternalEndpoint, PodSetStatus, ServiceStatus
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str, to_json
from sym.model.kinds import SERVICE
from sym.model.workload import Service
from sym.plan.content import digest
from sym.plan.ownership import body_of_new, record, recorded
from sym.plan.types import Action, Create, Delete, Owner
from sym.plan.views import AdvDeploymentView
from sym.plan.workloads import delete_of, labels_said, repairs

HEADLESS = "None"
FOREIGN_SENTENCE = (
    "Service {} exists and belongs to somebody else: take it over with `sym adopt` if it was a former AppSet's, else "
    "delete it, or (unless the podSets are StatefulSets) take spec.serviceName out"
)
_TCP = "TCP"


def service_actions(view: AdvDeploymentView, owner: Owner) -> Iterator[Action]:
    """The write that makes the app's Service what it shall be; none if it already is, is not needed, or is somebody
    else's."""
    if not _needed(view.adv, view.adv.spec.topology.pod_sets):
        return
    seen = _seen(view)
    metadata, spec = _metadata(view.adv, owner), _spec(view.adv, seen)
    if seen is None:
        name = names.service_of(owner.name)
        body: JSONMap = {**body_of_new(SERVICE, owner.namespace, name, **metadata), "spec": spec}
        yield Create(cluster=view.cluster, kind=SERVICE, body=body, manager=names.WORKER)
    elif recorded(seen, owner) and not seen.deleting:
        wanted: JSONMap = {"metadata": metadata, "spec": spec}
        yield from repairs(view, SERVICE, seen, (wanted, _said(seen, spec)))


def service_leftovers(
    view: AdvDeploymentView, owner: Owner, kept: Sequence[ChildPodSet], reason: str
) -> Iterator[Delete]:
    """The delete of the owner's Service if none of the podSets `kept` needs it."""
    seen = _seen(view)
    if seen is not None and recorded(seen, owner) and not seen.deleting and not _needed(view.adv, kept):
        yield delete_of(view, owner, SERVICE, seen, reason)


def foreign_service(view: AdvDeploymentView, owner: Owner) -> str:
    """The sentence about somebody else's Service in the place of the one that is needed; empty if there is none."""
    seen = _seen(view)
    if seen is None or recorded(seen, owner) or not _needed(view.adv, view.adv.spec.topology.pod_sets):
        return ""
    return FOREIGN_SENTENCE.format(seen.metadata.name)


def service_status(view: AdvDeploymentView, pod_sets: Iterable[PodSetStatus]) -> ServiceStatus | None:
    """What is told of the app's Service: the one of its name, else the first that bears its label; None where there is
    none. `pod_sets`: what was seen of the podSets."""
    name = names.service_of(view.adv.metadata.name)
    found = [each for each in view.services if each.metadata.labels.get(names.APP) == name]
    if not found:
        return None
    seen = min(found, key=lambda each: (each.metadata.name != name, each.metadata.name))
    ports = tuple(
        EndpointPort(name=each.name, port=each.port, protocol=each.protocol, target_port=each.target_port)
        for each in seen.spec.ports
    )
    return ServiceStatus(
        internal_endpoint=InternalEndpoint(host=f"{seen.metadata.name}.{seen.metadata.namespace}.svc", ports=ports),
        labels=seen.metadata.labels,
        selector=seen.spec.selector,
        type=seen.spec.type,
        cluster_ip=seen.spec.cluster_ip,
        domain=view.adv.spec.service_name,
        endpoints=sum(each.endpoints for each in pod_sets),
    )


def _seen(view: AdvDeploymentView) -> Service | None:
    """The Service of that name, whoever made it."""
    name = names.service_of(view.adv.metadata.name)
    return next((each for each in view.services if each.metadata.name == name), None)


def _needed(adv: AdvDeployment, pod_sets: Iterable[ChildPodSet]) -> bool:
    types = {pod_set.pod_spec.deploy_type for pod_set in pod_sets}
    return DeployType.STATEFUL_SET in types or (bool(adv.spec.service_name) and DeployType.DEPLOYMENT in types)


def _metadata(adv: AdvDeployment, owner: Owner) -> JSONMap:
    """The annotation `revision` shows a port or a label that is no longer wanted."""
    domain = names.clean_label_value(adv.spec.service_name)
    labels = {names.APP: names.service_of(owner.name)} | ({names.SERVICE_DOMAIN: domain} if domain else {})
    content = {names.REVISION: digest({"labels": labels, "ports": _ports(adv)})}
    return {"labels": to_json(labels), "annotations": to_json(record(owner) | content)}


def _spec(adv: AdvDeployment, seen: Service | None) -> JSONMap:
    """One that has an address keeps it: that never changes."""
    ports = _ports(adv)
    said: JSONMap = {"ports": ports} if ports else {}
    return {
        "type": "ClusterIP",
        "clusterIP": (seen.spec.cluster_ip if seen else "") or HEADLESS,
        "selector": {names.APP: adv.metadata.name},
        "publishNotReadyAddresses": False,
        **said,
    }


def _said(seen: Service, wanted: JSONMap) -> JSONMap:
    """What a Service says, in the shape of what we write. A selector is one value: one that asks for more of pods says
    something else."""
    spec = seen.spec
    same = spec.selector.keys() == dig_map(wanted, "selector").keys()
    return {
        "metadata": labels_said(seen),
        "spec": {
            "type": spec.type,
            "clusterIP": spec.cluster_ip,
            "selector": to_json(spec.selector) if same else None,
            "ports": to_json(spec.ports),
            "publishNotReadyAddresses": spec.publish_not_ready_addresses,
        },
    }


def _ports(adv: AdvDeployment) -> list[JSON]:
    """The ports of all containers, each number and protocol once, by number. Names are unique: where one stands for
    two ports, the second gets its number behind it."""
    found: dict[tuple[int, str], str] = {}
    for pod_set in sorted(adv.spec.topology.pod_sets, key=lambda each: each.name):
        for port in _container_ports(pod_set.pod_spec.template):
            number, protocol = dig(port, "containerPort"), dig_str(port, "protocol") or _TCP
            if isinstance(number, int):
                found.setdefault((number, protocol), dig_str(port, "name"))
    taken: dict[str, JSONMap] = {}
    for number, protocol in sorted(found):
        plain = f"{protocol.lower()}-{number}"
        name = found[number, protocol] or plain
        name = name if name not in taken else f"{name}-{plain}"
        taken[name] = {"name": name, "port": number, "protocol": protocol, "targetPort": number}
    return list(taken.values())


def _container_ports(template: Mapping[str, JSON]) -> Iterator[JSON]:
    for container in dig_list(template, "spec", "containers"):
        yield from dig_list(container, "ports")
