"""One simulated cluster: its store, its API and what works inside it.

`run()` works until it is cancelled; the cluster's first namespaces are made as it begins, as a real server makes them.
"""

from sym.aio.env import Env
from sym.model.codec import JSONMap
from sym.model.kinds import NAMESPACE
from sym.sandbox.access import ADMIN
from sym.sandbox.apiserver import ApiServer
from sym.sandbox.call import User
from sym.sandbox.client import InProcessClient
from sym.sandbox.podaccess import PodAccess
from sym.sandbox.store import Store
from sym.sandbox.workloads.workloads import Workloads
from sym.settings import SandboxSettings

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class SandboxCluster:
    """A cluster under one roof. Usable at once; pods only come to life while `run` runs."""

    def __init__(self, name: str, env: Env, settings: SandboxSettings) -> None:
        self.name = name
        self.env = env
        self.store = Store(env, settings.api.event_log)
        self.workloads = Workloads(self.store, env, settings.workloads)
        self.pods = PodAccess(self.store, self.workloads.kubelet, env)
        self.api = ApiServer(name, self.store, env, settings.api, self.pods)
        for namespace in NAMESPACES:
            self.store.create(NAMESPACE, _namespace(namespace, self.store.now()))

    def client(self, user: User = ADMIN) -> InProcessClient:
        """A client of this cluster in this process."""
        return InProcessClient(self.api, user)

    async def run(self) -> None:
        """Scheduler, kubelets, controllers, until cancelled."""
        await self.workloads.run()


def _namespace(name: str, now: str) -> JSONMap:
    owned: JSONMap = {
        "manager": "kube-apiserver",
        "operation": "Update",
        "apiVersion": "v1",
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:kubernetes.io/metadata.name": {}}}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}, "managedFields": [owned]},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }
