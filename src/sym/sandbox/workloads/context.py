"""What every simulated controller of one cluster is given."""

from typing import NamedTuple

from sym.aio.env import Env
from sym.sandbox.store import Store
from sym.sandbox.workloads.engine import Engine
from sym.sandbox.workloads.events import Recorder
from sym.sandbox.workloads.pods import Pods
from sym.settings import WorkloadSettings


class Context(NamedTuple):
    """The parts that controllers share: nothing here belongs to one of them."""

    store: Store
    env: Env
    settings: WorkloadSettings
    engine: Engine
    pods: Pods
    recorder: Recorder
