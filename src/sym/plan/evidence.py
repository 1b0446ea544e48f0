"""What is proved to run: a chain of generations and revisions, never a comparison of clocks.

Our write made the child's generation; the worker says which generation it has seen; each podSet's status says which
revision its workload carries and which of the workload's generations its own controller has seen. See semantics.md 6.
"""

from collections.abc import Iterable, Mapping

from sym.model.advdeployment import AdvDeployment, ChildPodSet
from sym.model.appset import PodSetStatus


def count(wanted: ChildPodSet, seen: PodSetStatus | None) -> int:
    """The pods that a podSet shall have: as many as its autoscaler says, if it has one."""
    return seen.desired if seen is not None and seen.autoscaler else wanted.replicas


def observed(child: AdvDeployment) -> bool:
    """Whether the child's status speaks of the child as it is."""
    return child.status.observed_generation >= child.metadata.generation


def runs(wanted: ChildPodSet, seen: PodSetStatus | None) -> bool:
    """Whether the podSet runs as wanted: its revision, all pods of it, all available, none besides. Pods that a
    partition holds back are where they shall be, at whatever revision."""
    if seen is None or seen.revision != wanted.revision or seen.observed_generation < seen.generation:
        return False
    asked = count(wanted, seen)
    whole = {seen.desired, seen.available, seen.current} == {asked} and not seen.un_available
    return whole and asked - seen.held <= seen.update <= asked


def told(child: AdvDeployment | None) -> Mapping[str, PodSetStatus]:
    """What the worker last said of each podSet, by name."""
    return {each.name: each for each in child.status.aggr_status.pod_sets} if child is not None else {}


def proves(child: AdvDeployment, wanted: Iterable[ChildPodSet]) -> bool:
    """Whether the child asks for all of `wanted`, word for word, and its status proves that all of it runs."""
    asked, seen = {pod_set.name: pod_set for pod_set in child.spec.topology.pod_sets}, told(child)
    return observed(child) and all(
        asked.get(pod_set.name) == pod_set and runs(pod_set, seen.get(pod_set.name)) for pod_set in wanted
    )
