"""One write that a member refuses: told at the AppSet with cluster, reason and advice, and no verdict on the member."""

import pytest

from sym.kube.requests import Request
from sym.model import names
from sym.model.conditions import Condition, find_condition
from sym.model.kinds import DEPLOYMENT
from sym.sandbox.audit import place_of
from sym.sandbox.faults import Fault, Refuse, is_write
from tests.make import BJ4, BJ5, two_clusters
from tests.safety.house import Charm, House, house
from tests.world import until

pytestmark = pytest.mark.anyio

QUOTA = 'deployments.apps "x" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: 5, limited: 5'
RBAC = 'deployments.apps "x" is forbidden: User "sym" cannot patch resource "deployments" in API group "apps"'
WEBHOOK = 'admission webhook "policy.example.com" denied the request: no latest tags'


def refusing(code: int, reason: str, message: str) -> Charm:
    """Writes of Deployments are refused."""

    def charm(request: Request) -> Fault | None:
        refused = is_write(request) and place_of(request.path).resource == "deployments"
        return Refuse(code=code, reason=reason, message=message) if refused else None

    return charm


async def condition(world: House, type_: str = names.READY) -> Condition:
    """A condition of the AppSet."""
    found = find_condition((await world.app()).status.conditions, type_)
    return found or Condition(type=type_, status="Unknown")


@pytest.mark.parametrize(
    ("charm", "reason", "waits", "says"),
    [
        (refusing(403, "Forbidden", QUOTA), "QuotaExceeded", names.RECONCILING, "raise the quota there"),
        (refusing(403, "Forbidden", RBAC), "MissingPermission", names.STALLED, "grant this"),
        (refusing(403, "Forbidden", WEBHOOK), "AdmissionDenied", names.STALLED, "policy admits it"),
        (refusing(400, "", WEBHOOK), "AdmissionDenied", names.STALLED, "policy admits it"),
        (refusing(500, "InternalError", "etcd is ill"), "ServerError", names.RECONCILING, "etcd is ill"),
    ],
)
async def test_a_refused_write_is_told_at_the_appset_and_is_no_verdict_on_the_member(
    charm: Charm, reason: str, waits: str, says: str
) -> None:
    async with house() as world, world.controller() as process:
        world.spells[BJ4].cast(charm)
        await world.apply(two_clusters())

        async def told() -> bool:
            return (await condition(world)).reason == reason

        await until(told, "the AppSet says what is wrong", 30)
        ready = await condition(world)
        assert ready.message.startswith(f"cluster '{BJ4}', Deployment bbcc-gz01b-blue: ")
        assert says in ready.message
        assert (await condition(world, waits)).true
        rows = {row.name: row.message for row in (await world.app()).status.aggr_status.clusters}
        assert (rows[BJ4], rows[BJ5]) == (ready.message, "")
        assert process.fleet.state(BJ4).usable
        assert await world.names(BJ5, DEPLOYMENT) == ["bbcc-gz01a-blue"]
        world.spells[BJ4].lift()
        await world.until_running(seconds=120)
        assert process.fleet.state(BJ4).usable
