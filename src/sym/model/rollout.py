"""Rollouts: how a change goes over groups and clusters, and how far it has come.

Source: semantics.md 6, issue 6. The docstring under a field is its description in the CRD, hence in `kubectl explain`.
"""

from datetime import datetime
from typing import Annotated

from msgspec import field

from sym.model.meta import Model
from sym.model.selectors import LabelSelector
from sym.model.shapes import (
    MAX_ANALYSES,
    MAX_CLUSTERS,
    MAX_CONFIRMATIONS,
    MAX_FAILURES,
    MAX_POD_SETS,
    MAX_REQUESTS,
    MAX_WAVES,
    Choice,
    ClusterName,
    Count,
    CountOrPercent,
    list_map,
    required,
    shape,
)


class AutoRollback(Choice):
    """What goes back by itself when a wave fails."""

    WAVE = "wave"
    ALL = "all"


class Phase(Choice):
    """How a rollout stands. Absent: there never was one."""

    PROGRESSING = "Progressing"
    """A wave is changing, baking or being measured."""
    WAITING = "Waiting"
    """At a gate, for a person."""
    BLOCKED = "Blocked"
    """A cluster of the wave cannot be reached."""
    FAILED = "Failed"
    """A wave made no progress in time, or its analysis failed; nothing was taken back."""
    ROLLED_BACK = "RolledBack"
    """A wave failed, and what autoRollback says goes back or went."""
    ABORTED = "Aborted"
    """A person has aborted it, and what had changed goes back or went."""
    COMPLETED = "Completed"
    """Everything runs the content, everywhere."""


class WavePhase(Choice):
    """How a wave of a rollout stands."""

    PENDING = "Pending"
    PROGRESSING = "Progressing"
    BAKING = "Baking"
    ANALYSING = "Analysing"
    WAITING = "Waiting"
    BLOCKED = "Blocked"
    FAILED = "Failed"
    COMPLETED = "Completed"


class Verb(Choice):
    """What a person asks of a rollout."""

    SKIP = "skip"
    """Go past a cluster that is away."""
    ABORT = "abort"
    """Stop, and take back what has changed."""
    RETRY = "retry"
    """Begin again after an abort, a rollback or a failure."""
    NOW = "now"
    """Go without waves and gates, also while paused: to a content that ran everywhere before (`undo --now`)."""


# --- spec ---------------------------------------------------------------------------------------------------------


class PrometheusQuery(Model, frozen=True):
    """A query whose answer is one number."""

    address: Annotated[str, required(minLength=1, maxLength=2048)] = ""
    """Where Prometheus answers, as https://prometheus.example.com."""
    query: Annotated[str, required(minLength=1, maxLength=8192)] = ""
    """The query in PromQL. No sample, or more than one, is no answer."""


class HttpQuery(Model, frozen=True):
    """A GET whose answer is a JSON document with a number in it."""

    url: Annotated[str, required(minLength=1, maxLength=2048)] = ""
    """What is asked."""
    json_path: Annotated[str, required(minLength=1, maxLength=512)] = ""
    """Where the number stands, as `$.data.errors` or `$.items[0].rate`; true counts as 1, false as 0."""


class Analysis(Model, frozen=True):
    """A number that is measured after a wave and must stay within bounds. A source that does not answer with a number
    is inconclusive: the rollout waits."""

    name: Annotated[str, required(minLength=1, maxLength=63)] = ""
    """Name of the measurement."""
    prometheus: PrometheusQuery | None = None
    """Ask Prometheus. Exactly one of prometheus and http is given."""
    http: HttpQuery | None = None
    """Ask any server that answers with JSON."""
    min: Annotated[float | None, shape()] = None
    """The least number that is good. One of min and max at least is given."""
    max: Annotated[float | None, shape()] = None
    """The greatest number that is good."""
    initial_delay_seconds: Count = 0
    """Seconds between the wave's evidence and the first measurement."""
    interval_seconds: Annotated[Count | None, shape()] = None
    """Seconds between measurements. Default 30."""
    count: Annotated[Count | None, shape()] = None
    """How many good measurements are needed. Default 1."""
    failure_limit: Count = 0
    """How many bad measurements are borne; one more fails the wave."""


class WaveSelector(Model, frozen=True):
    """Which podSets belong to a wave: those for which everything that is given holds."""

    clusters: Annotated[tuple[ClusterName, ...], shape(maxItems=MAX_CLUSTERS)] = ()
    """In one of these clusters."""
    pod_sets: Annotated[tuple[str, ...], shape(maxItems=MAX_CLUSTERS * MAX_POD_SETS)] = ()
    """With one of these names."""
    groups: Annotated[tuple[str, ...], shape(maxItems=50)] = ()
    """In one of these groups, as canary, blue, green."""
    units: Annotated[tuple[str, ...], shape(maxItems=100)] = ()
    """In one of these units (sym-ldc)."""
    labels: LabelSelector | None = None
    """With such metadata: the podSet's own laid over that of its entry in the topology."""


class Wave(Model, frozen=True):
    """PodSets that change together, after those of the wave before."""

    name: Annotated[str, required(minLength=1, maxLength=63)] = ""
    """Name of the wave, and of the gate after it."""
    select: WaveSelector = WaveSelector()
    """Which podSets; without it all that no other wave selects. Every podSet must be in exactly one wave."""
    bake_seconds: Count = 0
    """Seconds for which all of the wave must have run before the rollout goes on."""
    require_confirm: bool = False
    """Waits for a person after the wave."""
    max_surge: CountOrPercent | None = None
    """Takes the place of the podSets' own maxSurge."""
    max_unavailable: CountOrPercent | None = None
    """Takes the place of the podSets' own maxUnavailable."""
    max_failures: Count = 0
    """In how many clusters the wave may fail without holding up the rest."""
    analysis: Annotated[tuple[Analysis, ...], list_map("name", limit=MAX_ANALYSES)] = ()
    """Measurements after the wave, in place of those of updateStrategy.analysis."""


# --- status -------------------------------------------------------------------------------------------------------


class Confirmation(Model, frozen=True):
    """A person's consent to go past a gate."""

    gate: Annotated[str, required(minLength=1, maxLength=8192)] = ""
    """The gate: the name of the wave it follows, as canary@tcc-bj4-dks-test-01."""
    hash: Annotated[str, required(minLength=1, maxLength=128)] = ""
    """The content to which the consent was given."""
    user: Annotated[str, shape(maxLength=1024)] = ""
    """Who confirmed."""
    time: datetime | None = None
    """When."""
    reason: Annotated[str, shape(maxLength=4096)] = ""
    """Why, in that person's words."""


class RolloutRequest(Model, frozen=True):
    """What a person asks of the rollout under way."""

    verb: Annotated[Verb, required()] = Verb("")
    """skip, abort, retry or now."""
    cluster: Annotated[str, required(maxLength=63)] = field(default_factory=str)
    """The cluster to skip; empty otherwise."""
    hash: Annotated[str, required(minLength=1, maxLength=128)] = ""
    """The content whose rollout is meant: the request counts for no other."""
    user: Annotated[str, shape(maxLength=1024)] = ""
    """Who asks."""
    time: datetime | None = None
    """When."""
    reason: Annotated[str, shape(maxLength=4096)] = ""
    """Why, in that person's words."""


class AnalysisStatus(Model, frozen=True):
    """What a measurement has shown so far."""

    name: Annotated[str, required(minLength=1, maxLength=63)] = ""
    """Name of the measurement."""
    good: Count = 0
    """How many were within bounds."""
    bad: Count = 0
    """How many were not."""
    inconclusive: Count = 0
    """How often there was no answer in a row, lately."""
    last: datetime | None = None
    """When it was last measured."""
    message: str = ""
    """What came of it."""


class WaveStatus(Model, frozen=True):
    """A wave of the rollout under way."""

    name: Annotated[str, required(minLength=1, maxLength=8192)] = ""
    """Name of the wave, as canary@tcc-bj4-dks-test-01."""
    phase: Annotated[WavePhase, shape()] = WavePhase("")
    """Pending, Progressing, Baking, Analysing, Waiting, Blocked, Failed or Completed."""
    group: str = ""
    """The group of podSets, where waves follow groups."""
    pod_sets: Annotated[tuple[str, ...], shape(maxItems=MAX_CLUSTERS * MAX_POD_SETS)] = ()
    """The podSets that change in it."""
    gate: bool = False
    """Whether the rollout waits for a person after it."""
    confirmed: bool = False
    """Whether that gate was opened."""
    target: str = ""
    """The content hash to which it goes: the rollout's own, or that of the content it goes back to."""
    started: datetime | None = None
    """When it began."""
    progressed: datetime | None = None
    """When it last made progress."""
    updated: Count = 0
    """How many of its pods were available at their target, at the best."""
    evidence: datetime | None = None
    """Since when all of it is proved to run; absent while it is not."""
    analysis: Annotated[tuple[AnalysisStatus, ...], list_map("name", limit=MAX_ANALYSES)] = ()
    """What the measurements after it have shown."""
    message: str = ""
    """What it waits for."""


class RolloutFailure(Model, frozen=True):
    """Something that failed in a rollout."""

    wave: str = ""
    """The wave."""
    hash: str = ""
    """The content that was rolled out."""
    reason: str = ""
    """Why, in one CamelCase word."""
    message: str = ""
    """Why, in a sentence."""
    time: datetime | None = None
    """When."""


class RolloutStatus(Model, frozen=True):
    """How far the change to the newest content has come."""

    phase: Annotated[Phase | None, shape()] = None
    """Progressing, Waiting, Blocked, Failed, RolledBack, Aborted or Completed."""
    hash: str = ""
    """The content that is rolled out."""
    revision: int = 0
    """The number of that content's revision, as `sym rollout history` shows it."""
    finished: str = ""
    """The content hash of the last rollout that finished in all clusters; empty until the first installation did."""
    gate: str = ""
    """The gate that is waited at."""
    message: str = ""
    """What is going on, or what is missing."""
    started: datetime | None = None
    """When the rollout began."""
    waves: Annotated[tuple[WaveStatus, ...], list_map("name", limit=10 * MAX_WAVES)] = ()
    """The waves of the rollout, in their order."""
    failures: Annotated[tuple[RolloutFailure, ...], shape(maxItems=MAX_FAILURES)] = ()
    """What failed, the latest last."""
    confirmations: Annotated[tuple[Confirmation, ...], list_map("gate", "hash", limit=MAX_CONFIRMATIONS)] = ()
    """Consents to go past gates. Written by people (`sym rollout confirm`), never by the controller."""
    requests: Annotated[tuple[RolloutRequest, ...], list_map("verb", "cluster", "hash", limit=MAX_REQUESTS)] = ()
    """What people ask of the rollout. Written by people (`sym rollout skip|abort|retry`); the controller takes away
    what it has carried out."""
