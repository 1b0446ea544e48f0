"""Every default of Sym, with its unit and its reason, in this one file.

A frozen Settings of Settings: the CLI merges flags and SYM_* variables into it once and hands it down whole. Nothing
else in Sym holds a number that somebody may want to turn.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct


class KubeSettings(Struct, frozen=True, kw_only=True):
    """How Sym speaks to one API server."""

    user_agent: str = "sym/0.1"
    """What the servers' audit logs show; each process puts its own name here."""
    connect_timeout: float = 10.0
    """Seconds for TCP and TLS. A member across an ocean needs one; a firewall that swallows packets never answers."""
    request_timeout: float = 30.0
    """Seconds for one whole answer, so that a member that trickles bytes holds a worker no longer than this."""
    stream_idle: float = 40.0
    """Seconds without a byte after which a watch is given up and resumed: a half-open connection is found in <= 45 s.
    Servers send bookmarks about once a minute, so a quiet kind costs one cheap request each 40 s."""
    qps: float = 400.0
    """Requests per second and cluster in the long run. Servers protect themselves by priority and fairness, and a slow
    one is asked less because of `concurrency`; this only bounds what a bug of ours may ask of a fast one."""
    burst: int = 800
    """Requests that may go at once after a quiet time."""
    concurrency: int = 32
    """Requests under way at once per cluster, watches not counted: what makes a loaded server slow us down."""
    retry_after_cap: float = 10.0
    """Seconds: the longest Retry-After that is believed. A hostile server must not put us to sleep for a day."""
    throttle_retries: int = 3
    """How often one request is sent again after 429 with a Retry-After, before the caller hears of it."""
    stream_lists: bool = True
    """Whether lists are asked for as the beginning of a watch, which costs a server a fraction of the memory. Servers
    that refuse it are asked for pages; off: all are."""
    page_bytes: int = 64 << 20
    """Bytes of one answer, unpacked. 500 objects of the largest size that etcd takes are not even listed by others."""
    member_bytes: int = 512 << 20
    """Bytes of all lists of one cluster together, as they were received: bounds what a hostile member makes us hold."""
    line_bytes: int = 8 << 20
    """Bytes of one line of a stream: etcd takes objects of 1.5 MiB, JSON escapes may treble them."""
    page_limit: int = 500
    """Objects a page, as client-go asks."""
    list_pages: int = 4000
    """Pages a list may have (two million objects); one that always has another page is no Kubernetes."""
    watch_min: float = 300.0
    """Seconds: a watch asks to be ended by the server after a random time between this ..."""
    watch_max: float = 600.0
    """... and this, as client-go does, so that many watches do not come back in step."""
    relist_first: float = 0.8
    """Seconds before the first new try of a list or watch, doubled each time, as in client-go ..."""
    relist_cap: float = 30.0
    """... up to this many seconds ..."""
    relist_reset: float = 120.0
    """... and forgotten after this many seconds of health."""
    short_watch: float = 1.0
    """Seconds: a watch that ends sooner without an event counts as a failure, or a proxy could make us spin."""
    stale_lists: int = 5
    """Answers in a row older than what was seen already, after which the server's history is taken to be rewound (a
    restored backup) instead of served by a lagging replica."""
    token_reread: float = 10.0
    """Seconds between looks at a token file; the kubelet renews tokens about every 48 minutes."""
    exec_timeout: float = 60.0
    """Seconds that a credential plug-in of the operator's own kubeconfig may take (it may ask a person)."""


class FleetSettings(Struct, frozen=True, kw_only=True):
    """How Sym keeps many clusters: registrations, health, executor."""

    probe_seconds: float = 5.0
    """Seconds between two health probes of a member: the first implementation's period."""
    probe_timeout: float = 4.0
    """Seconds that one probe may take; shorter than the period, so that probes never overlap."""
    failures: int = 3
    """Failed probes in a row before a member that was well counts as ill (reliability.md I-10)."""
    failure_seconds: float = 30.0
    """Seconds over which those failures must spread: a short hiccup is no verdict."""
    staleness_seconds: float = 60.0
    """Seconds since an API last answered after which nothing destructive rests on its caches: above the
    40 s of silence after which a quiet watch is taken up again."""
    action_timeout: float = 15.0
    """Seconds that one action on one cluster may take, live checks included."""
    stall_seconds: float = 3.0
    """Seconds that a write may take at first; doubled up to `action_timeout` each time that it was not enough. While
    a cluster owes an answer it gets one write at a time and the others fail at once: this bounds what a hung cluster
    costs its neighbours."""
    writes_per_cluster: int = 16
    """Actions in flight per cluster."""
    deletes_per_cluster: int = 60
    """Fuse: deletions per minute in one cluster."""
    deletes_per_app: int = 30
    """Fuse: deletions per minute for one AppSet over all clusters."""
    expectation_seconds: float = 30.0
    """Seconds after which a write that the cache never showed is no longer waited for: the watch may have lost it."""
    registration_retry_first: float = 1.0
    """Seconds before a registration that could not be used is tried again; doubles up to the cap."""
    registration_retry_cap: float = 60.0
    """Longest wait between two tries of one registration."""
    kubeconfig_bytes: int = 65536
    """Largest kubeconfig that a registration may hold (reliability.md 5.5)."""


class FetchSettings(Struct, frozen=True, kw_only=True):
    """GETs of URLs that somebody else wrote (reliability.md T5)."""

    what: str = "charts"
    """What comes from there, for messages."""
    flag: str = "--charts"
    """How the flags begin by which the operator allows more, for messages."""
    private_hosts: frozenset[str] = frozenset()
    """Hosts, by name or address as a URL has them, that may be at loopback or private addresses. Link-local, multicast
    and unspecified ones must be listed as addresses themselves: clouds serve credentials at such."""
    ca_file: str = ""
    """PEM file of authorities that are believed beside the system's."""
    user_agent: str = "sym/0.1"
    """What the servers' logs show."""
    connect_timeout: float = 10.0
    """Seconds for TCP and TLS."""
    silence_timeout: float = 15.0
    """Seconds without a byte."""
    fetch_timeout: float = 60.0
    """Seconds for one answer with all redirects, so that a server that trickles holds nothing for long."""
    redirects: int = 3
    """Redirects of one fetch."""
    fetches: int = 8
    """Fetches at once; each chart may hold `archive_bytes`, the few indexes of the operator's `index_bytes`."""


class AnalysisSettings(FetchSettings, frozen=True, kw_only=True):
    """Measurements of rollouts."""

    what: str = "measurements"
    flag: str = "--analysis"
    fetch_timeout: float = 10.0
    """Seconds for one answer: a query that takes longer is asked again at the next interval."""
    redirects: int = 0
    """Redirects of one query."""
    answer_bytes: int = 1 << 20
    """Bytes of an answer: one number, and what a server likes to say around it."""
    answers: int = 64
    """Answers kept for one AppSet; the oldest is forgotten first."""


class ChartSettings(FetchSettings, frozen=True, kw_only=True):
    """Where Helm charts come from, and how much of what strangers serve is taken (reliability.md T5, T6)."""

    repos: Mapping[str, str] = {}
    """Alias to chart repository: `https://HOST/PATH` (with an index.yaml), `http://…` where the operator means
    it, `oci://HOST/PATH`, or the path of a folder of this machine. AppSets name the alias: `dmall/springBoot`."""
    index_bytes: int = 20 << 20
    """Bytes of a repository's index.yaml; the largest public ones have about so many."""
    archive_bytes: int = 10 << 20
    """Bytes of a chart's .tgz, a registry's answers and the like. An AppSet itself is at most 1 MiB."""
    unpacked_bytes: int = 10 << 20
    """Bytes of a chart unpacked, with all charts in it. Real ones have some 10 KiB to 2 MiB."""
    file_bytes: int = 1 << 20
    """Bytes of one file in a chart: what Kubernetes takes as one Secret, where Helm keeps the whole chart."""
    files: int = 2000
    """Files and folders in a chart, with all charts in it."""
    index_timeout: float = 30.0
    """Seconds of CPU that reading an index may take: 20 MiB need about 3 on a small core."""
    fresh_seconds: float = 300.0
    """How long an answer of a repository counts before it is asked again."""
    failure_seconds: float = 10.0
    """How long a failure is told again without asking: many AppSets may name one chart."""
    answers: int = 1000
    """Sources whose last answer is remembered; the one not asked for longest is forgotten."""
    cache_bytes: int = 256 << 20
    """Bytes of charts and indexes kept on disk; the one not used for longest goes first ..."""
    keep_seconds: float = 900.0
    """... but none that was asked for so many seconds ago or less, since Helm may still read it, unless they have four
    times as many bytes."""


class HelmSettings(Struct, frozen=True, kw_only=True):
    """Helm operations: limits, and when they are tried again."""

    deadline: float = 300.0
    """Seconds for one operation, hooks included: Helm's own default."""
    concurrency: int = 8
    """Operations at once, over all clusters: each is a process of 60 to 80 MB, or a thread of Helm's library."""
    per_cluster: int = 4
    """Operations at once in one cluster, so that one with a thousand releases leaves room for the others."""
    hooks: bool = True
    """Whether the hooks of charts run: what Helm's users expect. They are judged like all that a chart renders."""
    kinds: tuple[str, ...] = ()
    """Kinds that charts may hold besides the usual ones, as Kind.group."""
    retry_first: float = 5.0
    """Seconds until an operation that could not be done (no answer from the cluster or the chart's repository) is tried
    again; doubles up to the cap."""
    retry_cap: float = 300.0
    """Longest such wait."""
    failed_first: float = 60.0
    """Seconds until an operation that Helm or a check refused is tried again without anybody changing anything; doubles
    up to the cap. Each try may spend a revision of the history."""
    failed_cap: float = 1800.0
    """Longest such wait."""
    engine: Literal["auto", "cli", "sdk"] = "auto"
    """`cli`: the `helm` program; `sdk`: the Helm library of the extra `helm`; `auto`: the program where there is one,
    because each of its calls is a process of its own, else the library."""
    program: str = ""
    """Path of the `helm` program; empty: the one on PATH, else one that tools/controlplane built."""
    grace: float = 2.0
    """Seconds that Helm gets after SIGTERM to mark a release as failed, before SIGKILL."""
    cpu_seconds: int = 60
    """CPU seconds of one operation. A chart of the usual size needs 0.1; a template that loops would need for ever."""
    address_bytes: int = 2 << 30
    """Bytes of address space of one operation. Go reserves 0.8 GB of it before it begins."""
    library_bytes: int = 3 << 30
    """Bytes of address space of the process that the Helm library lives in, all its calls together. It takes 2 GB of
    addresses for 90 MB of memory."""
    memory_bytes: int = 512 << 20
    """Bytes of heap above which Go collects garbage harder (GOMEMLIMIT); Helm itself needs 60-80 MB."""
    file_bytes: int = 64 << 20
    """Bytes of the largest file that Helm may write: a chart archive, six times what Sym takes of one."""
    open_files: int = 256
    """Files and sockets that Helm may have open."""
    output_bytes: int = 32 << 20
    """Bytes of one answer of Helm's. It repeats the chart, in base64; etcd takes releases of 1 MiB, packed."""
    error_bytes: int = 256 << 10
    """Bytes of Helm's last words that are looked at for what went wrong. Templates that include each other a thousand
    times, which is Helm's own bound, make an error of 100 KB."""


class ControllerSettings(Struct, frozen=True, kw_only=True):
    """Queues, runners, leader lock, status writes."""

    threadiness: int = 16
    """Reconciles at once, per controller: as many as `writes_per_cluster`, so that one cluster can be kept busy. More
    would only work on a key more often, since what changes while a key waits for its turn is looked at once."""
    retry_first: float = 0.005
    """Seconds before the first retry of a key (client-go's workqueue)."""
    retry_cap: float = 1000.0
    """Longest wait between two tries of a key (client-go's workqueue)."""
    reconcile_timeout: float = 60.0
    """Seconds that one reconcile may take before it is cancelled and tried again."""
    expectation_poll: float = 1.0
    """Seconds after which a key whose own write is not yet in the cache is looked at again, if no event came."""
    refused_retry: float = 60.0
    """Seconds until a write that the server or a guard refused for what it says is tried again, if no event came."""
    status_seconds: float = 1.0
    """Least seconds between two status writes of one object (semantics.md 2)."""
    progress_seconds: float = 20.0
    """Seconds that a status which only tells that things go on may be put off while its cluster has its hands full with
    writes that bring them on."""
    progress_look: float = 2.0
    """Seconds between two looks whether a status that was put off can be written now."""
    settle_seconds: float = 10.0
    """Seconds that registered clusters get to connect and fill their caches before a new leader begins without them:
    a cluster that is merely not connected yet must not be told as lost."""
    lease_duration: float = 15.0
    """Seconds that others must see no renewal before they may take a lease (client-go's default)."""
    renew_deadline: float = 10.0
    """Seconds after the last renewal at which a holder that cannot renew stops acting; below `lease_duration`."""
    retry_period: float = 2.0
    """Seconds between two tries to take or renew a lease."""
    lag_seconds: float = 1.0
    """Seconds between two looks at how late the event loop is."""
    stop_seconds: float = 5.0
    """Seconds that a graceful stop may take before what still runs is cancelled. A process that has not ended when
    others may take over its locks is ended hard."""
    watchdog_seconds: float = 1.0
    """Seconds between two looks at whether the process must be ended hard; two in a row must say so, because a process
    that was paused gets the time to see by itself what it has lost."""
    http_addr: str = "127.0.0.1:8080"
    """Where /live, /ready and /metrics are served outside a pod."""
    pod_http_addr: str = "0.0.0.0:8080"
    """The same inside a pod, where the kubelet must reach it."""


class WorkloadSettings(Struct, frozen=True, kw_only=True):
    """The simulated workload controllers and kubelet. Every duration is in seconds of the simulated cluster."""

    speed: float = 1.0
    """Divides every duration below and every `minReadySeconds`, grace period and deadline; 1 is real time."""
    slice_seconds: float = 0.001
    """Real seconds that controllers work before API requests get their turn: 40,000 pods stalled the loop."""
    slice_jobs: int = 256
    """Jobs in one slice at most, for clocks that do not advance while we work (simulated time)."""
    nodes: int = 3
    """Nodes of a cluster: enough to see pods spread."""
    pull_seconds: float = 1.0
    """Pulling an image."""
    slow_seconds: float = 60.0
    """Pulling an image whose name or tag contains `slow`: long enough to look at, shorter than a progress deadline."""
    ready_seconds: float = 1.0
    """From a container's start to its readiness, besides its probe's own initial delay."""
    crash_seconds: float = 1.0
    """From the start of a container whose image contains `crash` to its exit."""
    stop_seconds: float = 1.0
    """From a pod's deletion to its end; its grace period where that is shorter."""
    backoff_seconds: float = 10.0
    """First wait before a failed container or pull is tried again; doubles up to `backoff_cap_seconds`."""
    backoff_cap_seconds: float = 300.0
    """The kubelet's cap."""
    job_backoff_seconds: float = 10.0
    """Between a Job's first failed pod and the next one; doubles up to `job_backoff_cap_seconds`."""
    job_backoff_cap_seconds: float = 600.0
    """The Job controller's cap."""
    absent: frozenset[str] = frozenset()
    """Names of simulated controllers that do not work, because others (real ones, say) do it through the API:
    deployment, replicaset, statefulset, job, claims, scheduler, kubelet, garbage, namespace, endpoints."""
    event_ttl_seconds: float = 3600.0
    """How long the controllers' Events are kept, real seconds (the API server's default)."""


class ApiServerSettings(Struct, frozen=True, kw_only=True):
    """The simulated API servers: what they remember and how long they let a client watch."""

    event_log: int = 4096
    """Changes that one cluster remembers: what a watch can resume from and a page can be read at; 3.5 KB each."""
    watch_backlog: int = 16384
    """Changes that may wait for one slow watcher before it is cut off."""
    bookmark_seconds: float = 60.0
    """Between two bookmarks of a watch: as often as real servers send them, so that nothing comes to need more."""
    bookmark_before_end: float = 2.0
    """Seconds before a watch's end at which it gets a last bookmark, so that the next one need not go far back."""
    watch_shortest: int = 1800
    """Seconds at least of a watch that names no timeoutSeconds; drawn up to twice this, as real servers do."""


class SandboxSettings(Struct, frozen=True, kw_only=True):
    """The simulated clusters."""

    api: ApiServerSettings = ApiServerSettings()

    workloads: WorkloadSettings = WorkloadSettings()


class Settings(Struct, frozen=True, kw_only=True):
    """All of it."""

    kube: KubeSettings = KubeSettings()
    fleet: FleetSettings = FleetSettings()
    charts: ChartSettings = ChartSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    controller: ControllerSettings = ControllerSettings()
    helm: HelmSettings = HelmSettings()
    sandbox: SandboxSettings = SandboxSettings()
