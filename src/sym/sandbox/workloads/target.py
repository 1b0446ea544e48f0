"""Which container of which pod a call for logs or exec means, and what a real server says where there is none."""

from collections.abc import Sequence
from typing import NamedTuple

from sym.model.codec import JSONMap, dig_list, dig_str
from sym.model.kinds import POD
from sym.sandbox.failures import Refusal, bad_request, not_found
from sym.sandbox.store import Entry, Store
from sym.sandbox.workloads.containers import Container
from sym.sandbox.workloads.kubelet import Kubelet, PodRun


class Target(NamedTuple):
    """A container that is there, and its pod."""

    pod: JSONMap
    run: PodRun
    container: Container

    @property
    def pod_name(self) -> str:
        """The pod's name."""
        return dig_str(self.pod, "metadata", "name")


class Named(NamedTuple):
    """A container that its pod speaks of."""

    entry: Entry
    pod: JSONMap
    container: str

    @property
    def scheduled(self) -> bool:
        """Whether the pod has a node, and so a kubelet."""
        return bool(self.entry.fields.get("spec.nodeName"))


def named(store: Store, namespace: str, pod_name: str, container: str) -> Named:
    """The container meant, as far as the pod says. Raises Refusal: no such pod, no or an unknown container named."""
    entry = store.get(POD, namespace, pod_name)
    if entry is None:
        raise not_found(POD, pod_name)
    pod = entry.object()
    name = container or _only(pod, pod_name)
    if name not in _names(pod, "containers") and name not in _names(pod, "initContainers"):
        raise bad_request(f"container {name} is not valid for pod {pod_name}")
    return Named(entry, pod, name)


def find(store: Store, kubelet: Kubelet, namespace: str, pod_name: str, container: str) -> Target:
    """The container itself. Raises Refusal also where the pod is not scheduled or the container is not there yet."""
    meant = named(store, namespace, pod_name, container)
    entry, pod, name = meant
    if not meant.scheduled:
        raise bad_request(f"pod {pod_name} does not have a host assigned")
    run = kubelet.run_of(entry.uid)
    found = next((each for each in run.all if each.name == name), None) if run else None
    if run is None or found is None:
        raise bad_request(waiting_words(name, pod_name, "ContainerCreating"))
    return Target(pod, run, found)


def waiting_words(container: str, pod: str, reason: str) -> str:
    """Why a container has no logs yet."""
    return f'container "{container}" in pod "{pod}" is waiting to start: {reason}'


def not_running(container: str) -> Refusal:
    """What exec into a container that does not run is answered with."""
    words = f'unable to upgrade connection: container not found ("{container}")'
    return Refusal(500, "InternalError", f"Internal error occurred: {words}", {"causes": [{"message": words}]})


def _only(pod: JSONMap, pod_name: str) -> str:
    mains, inits = _names(pod, "containers"), _names(pod, "initContainers")
    if len(mains) == 1:
        return mains[0]
    words = f"a container name must be specified for pod {pod_name}, choose one of: {_listed(mains)}"
    raise bad_request(words + (f" or one of the init containers: {_listed(inits)}" if inits else ""))


def _names(pod: JSONMap, where: str) -> list[str]:
    return [dig_str(found, "name") for found in dig_list(pod, "spec", where)]


def _listed(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"
