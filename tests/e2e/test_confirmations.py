"""`sym manifests --confirmations` on a real server: who may say what to a rollout, judged by saying it.

The server stands alone, so that nothing but the test writes; it speaks as the accounts that the manifests make, and as
people of its own.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sym.aio.env import SystemEnv
from sym.cli.main import main
from sym.cli.manifests import Wish, manifests
from sym.kube.api import Api
from sym.kube.errors import Forbidden
from sym.kube.kubeconfig import load_operator
from sym.kube.oneshot import OneShot
from sym.model import names, rbac
from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_map, dig_str
from sym.model.crd import crds
from sym.model.kinds import APPSET
from sym.model.shapes import MAX_REQUESTS
from sym.sandbox.kubeconfig import write
from sym.settings import KubeSettings
from tests.cli.rollouts import GATE, canary, hash_of, waiting
from tests.e2e.ground import APPLY, APPSETS, CRDS, account_token, path_of
from tests.wait import until, until_async
from tools.realfleet.build import Binaries
from tools.realfleet.fleet import planes
from tools.realfleet.plane import Parts, Plane

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

WISH = Wish(cluster="meta", namespace=names.META_NAMESPACE, image="sym:1", confirmations=True)
JANE, BOB = "default/jane", "default/bob"
MASTER, API = f"{names.META_NAMESPACE}/sym-controller", f"{names.META_NAMESPACE}/sym-api"
HASH = hash_of(canary())


class Place:
    """A meta cluster with the policy, and the AppSet default/bbcc at its first gate."""

    def __init__(self, plane: Plane, folder: Path) -> None:
        self.plane = plane
        self._folder = folder

    def config(self, account: str) -> Path:
        """The kubeconfig of an account."""
        path = self._folder / account.replace("/", "-")
        if not path.exists():
            write(path, self.plane.kubeconfig_for(account_token(self.plane, account)))
        return path

    def api(self, account: str) -> Api:
        """The server as the account sees it."""
        return Api(OneShot(load_operator(str(self.config(account))), KubeSettings(), SystemEnv()), "")

    def admin(self) -> Api:
        """The server as its administrator sees it."""
        return Api(OneShot(load_operator(str(self.plane.kubeconfig)), KubeSettings(), SystemEnv()), "")

    async def put(self, account: str, **rollout: JSON) -> None:
        """The account patches fields of status.rollout."""
        api = self.api(account)
        await api.patch_status(APPSET, "default", "bbcc", {"status": {"rollout": {**rollout}}}, "test")

    async def reset(self, **rollout: JSON) -> None:
        """The AppSet stands at its first gate again, and nobody has said anything."""
        status: JSONMap = {**dig_map(waiting(), "status")}
        empty: JSONMap = {"confirmations": None, "requests": None}
        status["rollout"] = {**dig_map(status, "rollout"), **empty, **rollout}
        await self.admin().patch_status(APPSET, "default", "bbcc", {"status": status}, "test")

    async def told(self, key: str) -> list[JSONMap]:
        """A list of status.rollout."""
        live = await self.admin().get_raw(APPSET, "default", "bbcc")
        return [as_map(each) for each in dig_list(live, "status", "rollout", key)]


@pytest.fixture(scope="module")
def place(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server of its own, installed as the README says."""
    folder = tmp_path_factory.mktemp("confirmations")
    with planes(folder / "planes", programs, {"meta": Parts(controllers=False)}) as (plane,):
        for crd in crds():
            _apply(plane, f"{CRDS}/{dig_str(crd, 'metadata', 'name')}", crd)
        for thing in manifests(WISH):
            if dig_str(thing, "kind") != "Deployment":
                _apply(plane, path_of(thing), thing)
        for account in (JANE, BOB):
            _trust(plane, account)
        app = canary()
        meta: JSONMap = {"name": "bbcc", "namespace": "default"}
        body: JSONMap = {"apiVersion": APPSET.api_version, "kind": APPSET.name, "metadata": meta, "spec": app["spec"]}
        _until_served(plane)
        _apply(plane, f"{APPSETS}/bbcc", body)
        yield Place(plane, folder)


@pytest.fixture
async def at_gate(place: Place) -> Place:
    """The same, the policy in force, the AppSet at its gate."""

    async def in_force() -> bool:
        await place.reset()  # what was let in before is nothing new any more
        try:
            await place.put(BOB, confirmations=[entry(JANE)])
        except Forbidden as error:
            return "under the name of its writer" in error.message
        return False

    await until_async(in_force, 60, "the policy is in force")
    await place.reset()
    return place


def entry(account: str, gate: str = GATE, hash_: str = HASH) -> JSONMap:
    """A confirmation that this account signs."""
    return {"gate": gate, "hash": hash_, "user": user(account), "time": "2026-11-27T12:00:00Z"}


def request(account: str) -> JSONMap:
    """A request that this account signs."""
    return {"verb": "abort", "cluster": "", "hash": HASH, "user": user(account), "time": "2026-11-27T12:00:00Z"}


def user(account: str) -> str:
    """What the server calls an account."""
    return f"system:serviceaccount:{account.replace('/', ':')}"


async def test_own_name_through_the_command(at_gate: Place) -> None:
    argv = ["rollout", "confirm", "bbcc", "--kubeconfig", str(at_gate.config(JANE))]
    done = await asyncio.to_thread(CliRunner().invoke, main, argv)
    assert done.exit_code == 0, done.output
    (made,) = await at_gate.told("confirmations")
    assert (made["user"], made["gate"]) == (user(JANE), GATE)
    tree = await asyncio.to_thread(CliRunner().invoke, main, ["rollout", "get", *argv[2:]])
    assert f"confirmed by {user(JANE)} at " in tree.output
    assert "unverified" not in tree.output


@pytest.mark.parametrize("account", [BOB, MASTER, "admin"])
@pytest.mark.parametrize(("key", "made"), [("confirmations", entry(JANE)), ("requests", request(JANE))])
async def test_nobody_signs_with_the_name_of_another(at_gate: Place, account: str, key: str, made: JSONMap) -> None:
    api = at_gate.admin() if account == "admin" else at_gate.api(account)
    with pytest.raises(Forbidden, match=r"under the name of its writer|it never adds any"):
        await api.patch_status(APPSET, "default", "bbcc", {"status": {"rollout": {key: [made]}}}, "test")
    assert await at_gate.told(key) == []


async def test_nobody_changes_what_another_said(at_gate: Place) -> None:
    await at_gate.put(JANE, confirmations=[entry(JANE)])
    with pytest.raises(Forbidden, match="under the name of its writer"):
        await at_gate.put(BOB, confirmations=[{**entry(JANE), "reason": "words in her mouth"}])
    with pytest.raises(Forbidden, match="only the controller takes confirmations and requests away"):
        await at_gate.put(BOB, confirmations=[entry(BOB)])
    with pytest.raises(Forbidden, match="only the controller takes confirmations and requests away"):
        await at_gate.put(BOB, confirmations=None)


@pytest.mark.parametrize(
    ("rollout", "made"),
    [
        ({}, entry(JANE, "blue@tcc-bj4")),
        ({}, entry(JANE, hash_="0123456789abcdef")),
        ({"gate": None, "phase": "Progressing"}, entry(JANE)),
    ],
)
async def test_a_gate_that_is_not_waited_at_cannot_be_confirmed(
    at_gate: Place, rollout: JSONMap, made: JSONMap
) -> None:
    await at_gate.reset(**rollout)
    with pytest.raises(Forbidden, match=r"only the gate that the rollout waits at|the rollout waits at no gate"):
        await at_gate.put(JANE, confirmations=[made])


async def test_the_api_signs_for_its_users_where_rbac_lets_it(at_gate: Place) -> None:
    body: JSONMap = {"status": {"rollout": {"confirmations": [{**entry(JANE), "user": "jane@example"}]}}}
    with pytest.raises(Forbidden, match="cannot patch resource"):
        await at_gate.api(API).patch_status(APPSET, "default", "bbcc", body, "test")
    _trust(at_gate.plane, API)

    async def trusted() -> bool:
        try:
            await at_gate.api(API).patch_status(APPSET, "default", "bbcc", body, "test")
        except Forbidden:
            return False
        return True

    await until_async(trusted, 30, "its binding counts")
    assert [each["user"] for each in await at_gate.told("confirmations")] == ["jane@example"]


async def test_the_master_takes_away_and_writes_all_else(at_gate: Place) -> None:
    await at_gate.put(JANE, confirmations=[entry(JANE)], requests=[request(JANE)])
    await at_gate.put(MASTER, confirmations=[], requests=[], phase="Progressing", gate="")
    assert await at_gate.told("confirmations") == []
    await at_gate.put(MASTER, gate=GATE)
    with pytest.raises(Forbidden, match="the controller takes confirmations and requests away, it never adds any"):
        await at_gate.put(MASTER, confirmations=[entry(MASTER)])


async def test_the_master_may_write_again_what_stands_in_its_own_way_of_writing(at_gate: Place) -> None:
    first: JSONMap = {**entry(JANE), "reason": "", "time": "2026-11-27T12:00:00.5+01:00"}
    await at_gate.put(JANE, confirmations=[first], requests=[request(JANE), {**request(JANE), "verb": "retry"}])
    again: JSONMap = {**entry(JANE), "time": "2026-11-27T11:00:00.500000Z"}
    await at_gate.put(MASTER, confirmations=[again], requests=[{**request(JANE), "reason": ""}])
    assert [each["time"] for each in await at_gate.told("confirmations")] == ["2026-11-27T11:00:00.500000Z"]
    with pytest.raises(Forbidden, match="it never adds any"):
        await at_gate.put(MASTER, confirmations=[{**again, "user": user(BOB)}])


@pytest.mark.parametrize(
    "status",
    [
        {"rollout": {"gate": "blue@tcc-bj4"}},
        {"rollout": {"phase": "Completed"}},
        {"rollout": {"waves": []}},
        {"rollout": {"waves": None}},
        {"rollout": {"failures": [{"wave": "x"}]}},
        {"rollout": None},
        {"observedGeneration": 99},
        {"appID": "another"},
        {"aggrStatus": {"desired": 0}},
    ],
)
async def test_people_write_nothing_else_into_the_status(at_gate: Place, status: JSONMap) -> None:
    before = await at_gate.admin().get_raw(APPSET, "default", "bbcc")
    with pytest.raises(Forbidden, match="and nothing else"):
        await at_gate.api(JANE).patch_status(APPSET, "default", "bbcc", {"status": status}, "test")
    assert await at_gate.admin().get_raw(APPSET, "default", "bbcc") == before
    await at_gate.admin().patch_status(APPSET, "default", "bbcc", {"status": status}, "test")


async def test_people_who_confirm_edit_no_spec(at_gate: Place) -> None:
    patch: JSONMap = {
        "metadata": {"name": "bbcc", "namespace": "default"},
        "spec": {"updateStrategy": {"paused": True}},
    }
    with pytest.raises(Forbidden, match="cannot patch resource"):
        await at_gate.api(JANE).patch(APPSET, patch, "test")
    refused = await asyncio.to_thread(
        CliRunner().invoke, main, ["rollout", "pause", "bbcc", "--kubeconfig", str(at_gate.config(JANE))]
    )
    assert refused.exit_code == 4


async def test_full_lists_are_not_too_much_for_the_server(at_gate: Place) -> None:
    many: list[JSON] = [{**request(JANE), "cluster": f"c{number}"} for number in range(MAX_REQUESTS - 1)]
    await at_gate.put(JANE, requests=many)
    await at_gate.put(BOB, requests=[*many, request(BOB)], confirmations=[entry(BOB)])
    assert len(await at_gate.told("requests")) == MAX_REQUESTS
    await at_gate.put(MASTER, requests=many[1:], confirmations=[])
    assert len(await at_gate.told("requests")) == MAX_REQUESTS - 2


def _apply(plane: Plane, path: str, body: JSONMap) -> None:
    status, answer = plane.ask("PATCH", path + APPLY, body)
    assert status in (200, 201), (path, status, answer)


def _trust(plane: Plane, account: str) -> None:
    """The account may confirm."""
    namespace, _, name = account.partition("/")
    _apply(plane, path_of(rbac.account(name, namespace)), rbac.account(name, namespace))
    body: JSONMap = {
        "apiVersion": rbac.API_VERSION,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{name}-confirms"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "sym-rollout-confirmer"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    _apply(plane, path_of(body), body)


def _until_served(plane: Plane) -> None:
    until(lambda: plane.ask("GET", APPSETS)[0] == 200, 30, "the CRD is served")
