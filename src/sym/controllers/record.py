"""The fleet's identity: a random id, minted once, kept in the meta cluster, copied to standbys and backups.

ConfigMap `sym-admin/sym-fleet`, key `fleetID`. Whoever comes first creates it; everybody else reads it. Where it is
missing although children in the members carry an id, nothing is minted: a new id would make strangers of all that runs.
"""

import asyncio
from collections.abc import Callable

import structlog

from sym.aio.backoff import Backoff, BackoffPolicy
from sym.aio.env import Env
from sym.clusters.executor import ensure
from sym.clusters.refusals import Refused
from sym.kube.api import Api
from sym.kube.errors import KubeError, NotFound
from sym.model import names
from sym.model.codec import JSONMap
from sym.model.kinds import CONFIGMAP, NAMESPACE
from sym.model.workload import ConfigMap

FLEET_ID_KEY = "fleetID"
_POLICY = BackoffPolicy(first=0.5, cap=10.0)
_log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.record")


async def fleet_id(api: Api, env: Env, carried: Callable[[], frozenset[str]]) -> str:
    """The fleet's id; tries until the meta cluster tells or takes one. `carried`: the ids that known children bear."""
    backoff = Backoff(_POLICY, env)
    while True:
        try:
            if found := await _read_or_mint(api, env, carried()):
                return found
        except (KubeError, Refused) as error:
            _log.warning("the fleet's record cannot be read yet", error=error.message)
        await asyncio.sleep(backoff.next())


async def _read_or_mint(api: Api, env: Env, carried: frozenset[str]) -> str:
    try:
        record = await api.get(CONFIGMAP, ConfigMap, names.META_NAMESPACE, names.FLEET_RECORD)
    except NotFound:
        if carried:
            _log.error(
                "the fleet's record is gone, but what runs carries its id; restore it from a backup, or make it anew:"
                f" kubectl -n {names.META_NAMESPACE} create configmap {names.FLEET_RECORD}"
                f" --from-literal={FLEET_ID_KEY}=ID with the id below",
                carried=sorted(carried),
            )
        else:
            await _mint(api, env)
        return ""
    if not record.data.get(FLEET_ID_KEY):
        _log.error(
            "the fleet's record has no id; restore it from a backup, or delete the ConfigMap only if no cluster runs"
            " anything of this fleet",
            configmap=f"{names.META_NAMESPACE}/{names.FLEET_RECORD}",
        )
    return record.data.get(FLEET_ID_KEY, "")


async def _mint(api: Api, env: Env) -> None:
    metadata: JSONMap = {"namespace": names.META_NAMESPACE, "name": names.FLEET_RECORD}
    body: JSONMap = {
        "apiVersion": "v1",
        "kind": CONFIGMAP.name,
        "metadata": metadata,
        "data": {FLEET_ID_KEY: env.new_id()},
    }
    try:
        await ensure(api, CONFIGMAP, body, names.FLEET)
    except NotFound:  # the namespace
        namespace: JSONMap = {"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": names.META_NAMESPACE}}
        await ensure(api, NAMESPACE, namespace, names.FLEET)
