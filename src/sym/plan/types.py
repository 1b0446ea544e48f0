"""The words in which planners speak: what was seen, what shall be done.

A planner gets a frozen view of one instant and gives a `Plan`. A new effect on the world is a new variant of `Action`,
and `assert_never` in the executor names every place that forgot it. Everything destructive carries the evidence that
the executor checks again, live, before it acts.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from sym.model.appset import Chart, HelmRelease
from sym.model.codec import JSONMap
from sym.model.meta import Kind
from sym.model.rollout import Analysis

S = TypeVar("S", bound=msgspec.Struct)


class Create(Struct, frozen=True, kw_only=True, tag=True):
    """Create `body`, whose name is deterministic: a name that is taken means "look again", never "overwrite"."""

    cluster: str
    kind: Kind
    body: JSONMap
    manager: str


class Apply(Struct, frozen=True, kw_only=True, tag=True):
    """Server-side apply of the fields that `manager` owns. `body` carries metadata.uid (so that nothing deleted comes
    back) and metadata.resourceVersion where the decision read what another writer may change."""

    cluster: str
    kind: Kind
    body: JSONMap
    manager: str
    force: bool = False


class Owner(Struct, frozen=True, kw_only=True):
    """Whose an object is: the ids minted by the master, valid with the AppSet's namespace and name."""

    fleet_id: str
    app_id: str
    namespace: str
    name: str


class Delete(Struct, frozen=True, kw_only=True, tag=True):
    """Delete exactly the object with this uid and resourceVersion. The executor reads it again, live, and refuses
    unless it still bears `owner`'s record (and, where `tombstone`, the tombstone for its own uid)."""

    cluster: str
    kind: Kind
    namespace: str
    name: str
    uid: str
    resource_version: str
    owner: Owner
    tombstone: bool = False
    reason: str


class Finalize(Struct, frozen=True, kw_only=True, tag=True):
    """Set metadata.finalizers to `finalizers`, only while the object still has this uid and resourceVersion."""

    cluster: str
    kind: Kind
    namespace: str
    name: str
    uid: str
    resource_version: str
    finalizers: tuple[str, ...]
    manager: str


class Measure(Struct, frozen=True, kw_only=True, tag=True):
    """Ask live whether `owner` has anything left in `cluster`: a GET says that the child is gone, and an unfiltered-by-
    cache list finds no workload and no Service of this app. The answer enters the next view as dated evidence
    (`Gone`)."""

    cluster: str
    owner: Owner


class Query(Struct, frozen=True, kw_only=True, tag=True):
    """Measure once for an analysis of an AppSet's rollout: ask the source that it names. The answer enters a later view
    under `key` as dated evidence (`Answer`); the work goes on after the action was taken. Nothing is begun while a
    query of the same AppSet and key is under way."""

    cluster: str
    namespace: str
    name: str
    key: str
    analysis: Analysis


class Emit(Struct, frozen=True, kw_only=True, tag=True):
    """Write an Event about an object. `type_` is Normal or Warning, `reason` CamelCase and stable. `standing`: it tells
    of a state, not of a change, so while one that says the same is younger than an hour nothing is written."""

    cluster: str
    kind: Kind
    namespace: str
    name: str
    uid: str
    type_: str
    reason: str
    note: str
    manager: str
    standing: bool = False


class HelmUpgrade(Struct, frozen=True, kw_only=True, tag=True):
    """Make the next revision of a release, or its first: the work goes on after the action was taken. `after` is the
    newest revision that was seen (0: none): Helm is not called where there is another by then. `chart` holds its
    archive itself where it comes without a repository. Of `values` the later layer counts; a text is YAML as a person
    wrote it. `digest` stands for chart and values, `labels` go onto the record."""

    cluster: str
    owner: Owner
    name: str
    chart: Chart
    values: tuple[JSONMap | str, ...]
    labels: Mapping[str, str]
    digest: str
    after: int
    history: int
    reason: str


class HelmUninstall(Struct, frozen=True, kw_only=True, tag=True):
    """Take away the release whose newest record is this Secret, with all its objects and its history. The executor
    reads the Secret again, live, and refuses unless it still bears `owner`'s record."""

    cluster: str
    owner: Owner
    name: str
    secret: str
    uid: str
    resource_version: str
    reason: str


class HelmRecover(Struct, frozen=True, kw_only=True, tag=True):
    """Say in the record that an operation which was killed has failed, as Helm would have said itself: it works on no
    release that somebody seems to be at. Only while the Secret has this uid and resourceVersion."""

    cluster: str
    owner: Owner
    name: str
    secret: str
    uid: str
    resource_version: str
    reason: str


class HelmLook(Struct, frozen=True, kw_only=True, tag=True):
    """Read what the record of a release says: facts, and the objects that Helm rendered. The answer enters the next
    view as `HelmState`."""

    cluster: str
    owner: Owner
    name: str
    secret: str
    number: int


HelmAction: TypeAlias = HelmUpgrade | HelmUninstall | HelmRecover | HelmLook
"""What is done to Helm releases."""

Action: TypeAlias = Create | Apply | Delete | Finalize | Measure | Query | Emit | HelmAction


class HelmState(Struct, frozen=True, kw_only=True):
    """What is known of one release beside its records.

    `busy`: Helm is at work. `after`: the revision that our last operation left, so that a cache which shows an older
    one is not believed; `gone`: it took the release away. `reason` and `message`: why the last one failed, for what
    `digest` and with which revision as its predecessor (`tried`); `rests`: it is too early to try that again.
    `abandoned`: a pending record is older than any operation may take. `facts` and `objects` (as rendered, None where
    they cannot be read) are those of revision `number`. `repaired`: versions at which objects were left by our own last
    repair, by uid. `ready_for`: seconds since all its pods were first seen ready as they are; None while they are not.
    """

    busy: bool = False
    after: int = 0
    gone: bool = False
    digest: str = ""
    tried: int = 0
    reason: str = ""
    message: str = ""
    rests: bool = False
    abandoned: bool = False
    number: int = 0
    facts: HelmRelease | None = None
    objects: tuple[JSONMap, ...] | None = None
    repaired: Mapping[str, str] = {}
    ready_for: float | None = None


class Plan(Struct, Generic[S], frozen=True, kw_only=True):
    """What a planner decided. `status` None: nothing to say. `requeue_after` in seconds. `reasons` say why."""

    status: S | None
    actions: tuple[Action, ...] = ()
    requeue_after: float | None = None
    reasons: tuple[str, ...] = ()


class Failure(Struct, frozen=True, kw_only=True):
    """An action that did not succeed, as data. `retry` False: trying the same again is of no use. `message` is fit for
    a condition: it names the cluster and the object and says what to do."""

    action: Action
    reason: str
    message: str
    retry: bool = True


class Health(StrEnum):
    """What is known of a member. Only `READY` counts as fresh evidence."""

    READY = "Ready"
    CONNECTING = "Connecting"
    UNREACHABLE = "Unreachable"
    DEGRADED = "Degraded"
    CREDENTIAL_PROBLEM = "CredentialProblem"
    MAINTAINING = "Maintaining"


class MemberState(Struct, frozen=True, kw_only=True):
    """One registered cluster at the instant of the view. `synced`: every cache of it is filled and fresh. `seen`: when
    its API last answered. `meta`: labels and meta of the registration, overridden by the Cluster's."""

    name: str
    health: Health
    synced: bool = False
    seen: datetime | None = None
    reason: str = ""
    meta: Mapping[str, str] = {}

    @property
    def usable(self) -> bool:
        """Whether decisions may rest on this member's caches and writes be sent to it."""
        return self.health is Health.READY and self.synced


class Gone(Struct, frozen=True, kw_only=True):
    """The dated answer to a `Measure`: what a live look found of `owner` in `cluster`. `child`: the AdvDeployment still
    stands; `workloads`: what else does, as `Deployment ns/name`. Clean means neither."""

    cluster: str
    owner: Owner
    at: datetime
    child: bool = False
    workloads: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing of the owner is left there."""
        return not self.child and not self.workloads


class Answer(Struct, frozen=True, kw_only=True):
    """The dated answer to a `Query`. `value` None: the source gave no number, `message` says why in a sentence that
    names the source and no secret."""

    at: datetime
    value: float | None = None
    message: str = ""
