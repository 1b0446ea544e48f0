"""How pods come to be. A deployer is one module and one line in this table; a deployType that is not in it shows as
`Stalled`."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from sym.model.advdeployment import ChildPodSet
from sym.model.appset import DeployType, PodSetStatus
from sym.plan.deployers.deployment import DeploymentDeployer
from sym.plan.deployers.helm import HelmDeployer
from sym.plan.deployers.statefulset import StatefulSetDeployer
from sym.plan.types import Action, Owner
from sym.plan.views import AdvDeploymentView


class Deployer(Protocol):
    """Makes the pods of one podSet and tells what became of them."""

    def taken(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> bool:
        """Whether an object of the podSet's name is somebody else's, so that nothing can be done."""
        ...

    def actions(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> Iterable[Action]:
        """The writes that make the podSet's workload what it shall be; none if it already is, or is not `owner`'s."""
        ...

    def leftovers(
        self, view: AdvDeploymentView, owner: Owner, kept: Iterable[ChildPodSet], reason: str
    ) -> Iterable[Action]:
        """The deletes of `owner`'s workloads that belong to none of the podSets `kept`."""
        ...

    def observe(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> PodSetStatus:
        """What is seen of the podSet, as far as it is `owner`'s."""
        ...


DEPLOYERS: Mapping[DeployType, Deployer] = {
    DeployType.DEPLOYMENT: DeploymentDeployer(),
    DeployType.HELM: HelmDeployer(),
    DeployType.STATEFUL_SET: StatefulSetDeployer(),
}
