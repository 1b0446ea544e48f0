"""Everything that works inside one simulated cluster, under one roof.

`Workloads(store, env, settings)` is made with the cluster; `run()` works until it is cancelled, in a task of whoever
owns the cluster. `kubelet` answers what runs in a pod, for logs and exec.
"""

from sym.aio.env import Env
from sym.model.kinds import CLAIM, DEPLOYMENT, JOB, NAMESPACE, NODE, POD, REPLICASET, SERVICE, STATEFULSET
from sym.sandbox.store import Change, ChangeType, Store
from sym.sandbox.workloads.claims import ClaimProtection
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deployment import DeploymentController
from sym.sandbox.workloads.endpoints import EndpointsController
from sym.sandbox.workloads.engine import Controller, Engine
from sym.sandbox.workloads.events import Recorder
from sym.sandbox.workloads.garbage import Collector
from sym.sandbox.workloads.job import JobController
from sym.sandbox.workloads.kubelet import Kubelet
from sym.sandbox.workloads.namespaces import NamespaceController
from sym.sandbox.workloads.pods import Pods
from sym.sandbox.workloads.replicaset import ReplicaSetController
from sym.sandbox.workloads.scheduler import Scheduler, make_nodes
from sym.sandbox.workloads.statefulset import StatefulSetController
from sym.settings import WorkloadSettings

_WORKED_ON = (NODE, NAMESPACE, SERVICE, DEPLOYMENT, REPLICASET, STATEFULSET, JOB, CLAIM, POD)


class Workloads:
    """The controllers, scheduler and kubelets of one cluster."""

    def __init__(self, store: Store, env: Env, settings: WorkloadSettings) -> None:
        self._store = store
        self.engine = Engine(env, settings)
        recorder = Recorder(store, env, settings.event_ttl_seconds)
        self._context = Context(store, env, settings, self.engine, Pods(store, env), recorder)
        self.kubelet = Kubelet(self._context)
        controllers: tuple[Controller, ...] = (
            DeploymentController(self._context),
            ReplicaSetController(self._context),
            StatefulSetController(self._context),
            JobController(self._context),
            Scheduler(self._context),
            self.kubelet,
            Collector(self._context),
            NamespaceController(self._context),
            ClaimProtection(self._context),
            EndpointsController(self._context),
        )
        if unknown := settings.absent - {controller.name for controller in controllers}:
            known = ", ".join(sorted(controller.name for controller in controllers))
            raise ValueError(f"no simulated controller is called {', '.join(sorted(unknown))}; there are {known}")
        for controller in controllers:
            if controller.name not in settings.absent:
                self.engine.register(controller)

    async def run(self) -> None:
        """Work until cancelled, on what is there and on every change."""
        leave = (self._context.pods.watch(), self._store.subscribe(self.engine.note))
        try:
            make_nodes(self._context)
            for kind in _WORKED_ON:
                for entry in self._store.list(kind):
                    self.engine.note(Change(kind, ChangeType.ADDED, None, entry))
            await self.engine.run()
        finally:
            for out in leave:
                out()
