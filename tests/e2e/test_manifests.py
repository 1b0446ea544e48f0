"""`sym manifests` on real clusters, judged by acting as the accounts that it makes.

That its rights are enough is shown by every other test here: the controllers act as these accounts. Here is shown that
they are no more than that.
"""

import pytest

from sym.cli.manifests import HOSTED, MEMBER, Wish, manifests
from sym.model.codec import JSONMap, dig_str
from sym.model.names import MEMBER_NAMESPACE, META_NAMESPACE
from tests.e2e import ground as places
from tests.e2e.ground import Ground, account_token, path_of
from tools.realfleet.fleet import MEMBERS
from tools.realfleet.plane import Plane

MASTER, API = f"{MEMBER_NAMESPACE}/sym-master", f"{MEMBER_NAMESPACE}/sym-api"
CONTROLLER, META_API = f"{META_NAMESPACE}/sym-controller", f"{META_NAMESPACE}/sym-api"
FORBIDDEN_IN_MEMBER = (
    ("GET", "/api/v1/secrets"),
    ("GET", "/api/v1/namespaces/kube-system/secrets"),
    ("GET", f"/api/v1/namespaces/{MEMBER_NAMESPACE}/secrets"),
    ("POST", "/api/v1/namespaces/default/pods"),
    ("DELETE", "/api/v1/namespaces/default/pods/x"),
    ("DELETE", "/api/v1/namespaces/default"),
    ("DELETE", "/api/v1/nodes/node-0"),
    ("DELETE", "/apis/apps/v1/namespaces/default/deployments"),
    ("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/appsets.workload.dmall.com"),
    ("POST", "/api/v1/namespaces/default/pods/x/exec"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ("POST", f"/api/v1/namespaces/{MEMBER_NAMESPACE}/serviceaccounts/sym-api/token"),
)
FORBIDDEN_IN_META = (
    ("GET", "/api/v1/secrets"),
    ("GET", "/api/v1/namespaces/kube-system/secrets"),
    ("GET", "/api/v1/pods"),
    ("DELETE", "/apis/workload.dmall.com/v1beta1/namespaces/default/appsets/x"),
    ("DELETE", f"/api/v1/namespaces/{META_NAMESPACE}/secrets/x"),
    ("DELETE", f"/api/v1/namespaces/{META_NAMESPACE}"),
)


def refused(plane: Plane, account: str, method: str, path: str) -> bool:
    """Whether the server forbids it to the account."""
    body: JSONMap | None = None if method == "GET" else {}
    status, answer = plane.ask(method, path, body, account_token(plane, account))
    assert status != 401, answer
    return status == 403


@pytest.mark.parametrize(("method", "path"), FORBIDDEN_IN_MEMBER)
@pytest.mark.parametrize("account", [MASTER, API])
def test_in_a_member_no_account_may_more_than_it_must(ground: Ground, account: str, method: str, path: str) -> None:
    assert refused(ground.fleet.members[MEMBERS[0]], account, method, path)


@pytest.mark.parametrize(("method", "path"), FORBIDDEN_IN_META)
@pytest.mark.parametrize("account", [CONTROLLER, META_API])
def test_in_the_meta_cluster_no_account_may_more_than_it_must(
    ground: Ground, account: str, method: str, path: str
) -> None:
    assert refused(ground.fleet.meta, account, method, path)


def test_the_api_reads_pods_and_writes_nothing(ground: Ground) -> None:
    plane = ground.fleet.members[MEMBERS[0]]
    token = account_token(plane, API)
    for path in ("/api/v1/pods", "/api/v1/events", "/apis/apps/v1/deployments", "/api/v1/services"):
        assert plane.ask("GET", path, token=token)[0] == 200, path
    assert plane.ask("POST", "/api/v1/namespaces/default/services", {}, token)[0] == 403


@pytest.mark.parametrize("worker", [HOSTED, MEMBER])
def test_a_real_server_takes_every_object_of_it(ground: Ground, worker: str) -> None:
    """Dry-run, Deployments included: what is printed is what a server accepts."""
    for cluster, plane in (("meta", ground.fleet.meta), ("member", ground.fleet.members[MEMBERS[0]])):
        namespace = META_NAMESPACE if cluster == "meta" else MEMBER_NAMESPACE
        wish = Wish(cluster=cluster, namespace=namespace, image="sym:1", worker=worker, exec=cluster == "member")
        for thing in manifests(wish):
            status, answer = plane.ask("PATCH", path_of(thing) + places.APPLY + "&dryRun=All", thing)
            assert status in (200, 201), (dig_str(thing, "kind"), answer)
