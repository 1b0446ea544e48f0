"""`sym manifests`: what a cluster needs before Sym works in it, as YAML for `kubectl apply -f -`.

Namespace, ServiceAccounts, the least RBAC (`sym.model.rbac`) and the controller's Deployment, for the meta cluster or
for a member. The CRDs come from `sym crds`.
"""

from collections.abc import Iterator

import click
from msgspec import Struct

from sym.cli import confirmations
from sym.cli.crds import to_yaml
from sym.cli.main import installed_version
from sym.model import names, rbac
from sym.model.codec import JSON, JSONMap
from sym.model.kinds import DEPLOYMENT, NAMESPACE

HOSTED, MEMBER = "hosted", "member"
REPLICAS = 3  # one works, two wait for its lock: seed-design
PORT = 8080
_UID = 65532  # nobody in particular; the number that distroless images use too


class Wish(Struct, frozen=True, kw_only=True):
    """What is asked for. `namespace`: of the accounts and the Deployment; locks and records stay where Sym looks."""

    cluster: str
    namespace: str
    image: str
    worker: str = HOSTED
    exec: bool = False
    helm: bool = False
    confirmations: bool = False


@click.command("manifests")
@click.option("--for", "cluster", type=click.Choice(("meta", "member")), default="meta", show_default=True,
    help="The meta cluster, or one of the members.",
)  # fmt: skip
@click.option("--worker", type=click.Choice((HOSTED, MEMBER)), default=HOSTED, show_default=True,
    help="Workers run beside the master, or as a Deployment in each member.",
)  # fmt: skip
@click.option("--namespace", default="", metavar="NAME",
    help=f"Of accounts and Deployment; default: {names.META_NAMESPACE}, in a member {names.MEMBER_NAMESPACE}.",
)  # fmt: skip
@click.option("--image", default=f"sym:{installed_version()}", show_default=True, help="Image with sym-controller.")
@click.option("--enable-exec", is_flag=True, help="Let the API read logs and run commands in pods of a member.")
@click.option("--helm", is_flag=True, help="Let workers install Helm releases: deployType helm.")
@click.option("--confirmations", is_flag=True,
    help="Let the meta cluster prove who confirms a rollout (Kubernetes 1.30).",
)  # fmt: skip
def command(
    cluster: str, worker: str, namespace: str, image: str, enable_exec: bool, helm: bool, confirmations: bool
) -> None:
    """Print Namespace, accounts, RBAC and Deployment of a cluster."""
    if confirmations and cluster == "member":
        raise click.UsageError("--confirmations is for the meta cluster: the AppSets are there; leave out --for member")
    if enable_exec and cluster == "meta":
        raise click.UsageError("--enable-exec is for members: the pods are there; add --for member")
    place = namespace or (names.META_NAMESPACE if cluster == "meta" else names.MEMBER_NAMESPACE)
    wish = Wish(
        cluster=cluster,
        namespace=place,
        image=image,
        worker=worker,
        exec=enable_exec,
        helm=helm,
        confirmations=confirmations,
    )
    click.echo("---\n".join(map(to_yaml, manifests(wish))), nl=False)


def manifests(wish: Wish) -> Iterator[JSONMap]:
    """The objects, in an order in which they can be created."""
    yield from _meta(wish) if wish.cluster == "meta" else _member(wish)


def _meta(wish: Wish) -> Iterator[JSONMap]:
    yield from _namespaces(wish.namespace, names.META_NAMESPACE)
    yield from _granted("sym-controller", wish.namespace, rbac.META)
    yield from _granted("sym-api", wish.namespace, rbac.API_META)
    if wish.confirmations:
        yield from confirmations.manifests(wish.namespace)
    workers = ("--enable-worker", "--worker-clusters=all", *_engine(wish)) if wish.worker == HOSTED else ()
    yield _deployment("sym-controller", wish, ("--enable-master", *workers))


def _member(wish: Wish) -> Iterator[JSONMap]:
    hosted = wish.worker == HOSTED
    yield from _namespaces(wish.namespace, names.MEMBER_NAMESPACE)
    working = (rbac.WORKER, *((rbac.HELM,) if wish.helm else ()))
    yield from _granted("sym-master", wish.namespace, rbac.MASTER, *(working if hosted else ()))
    yield from _granted("sym-api", wish.namespace, rbac.API_MEMBER, *((rbac.API_EXEC,) if wish.exec else ()))
    if not hosted:
        yield from _granted("sym-worker", wish.namespace, *working)
        yield _deployment("sym-worker", wish, ("--enable-worker", *_engine(wish)))


def _engine(wish: Wish) -> tuple[str, ...]:
    """A worker that may not read Helm's records must not try to."""
    return () if wish.helm else ("--helm-engine=off",)


def _namespaces(*wanted: str) -> Iterator[JSONMap]:
    for name in dict.fromkeys(wanted):
        yield {"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": {"name": name}}


def _granted(name: str, namespace: str, *grants: rbac.Grant) -> Iterator[JSONMap]:
    yield rbac.account(name, namespace)
    for grant in grants:
        yield from grant.roles()
        yield from grant.bindings(name, namespace)


def _deployment(name: str, wish: Wish, flags: tuple[str, ...]) -> JSONMap:
    """Three pods of which one holds the lock. A standby is ready too: its caches are filled."""
    labels: JSONMap = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "sym"}
    spread: JSONMap = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    pod: JSONMap = {
        "serviceAccountName": name,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {"runAsNonRoot": True, "runAsUser": _UID, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [spread],
        "containers": [_container(name, wish.image, flags)],
    }
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.name,
        "metadata": {"name": name, "namespace": wish.namespace, "labels": labels},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _container(name: str, image: str, flags: tuple[str, ...]) -> JSONMap:
    command_: list[JSON] = ["sym-controller", "controller", *flags, f"--http-addr=:{PORT}"]
    return {
        "name": name,
        "image": image,
        "command": command_,
        "ports": [{"name": "http", "containerPort": PORT}],
        "livenessProbe": {
            "httpGet": {"path": "/live", "port": "http"},
            "initialDelaySeconds": 10,
            "failureThreshold": 6,
        },
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
