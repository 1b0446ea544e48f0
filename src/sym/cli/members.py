"""The registered members, for commands that look into them as the caller of the meta cluster may."""

from sym.clusters.registration import OPTIONS, Registration, from_configmap, from_secret
from sym.kube.api import Api
from sym.model.kinds import CONFIGMAP, SECRET
from sym.model.workload import ConfigMap, Secret


async def registrations(meta: Api) -> dict[str, Registration]:
    """The registrations by name; a Secret counts before a ConfigMap. Raises KubeError."""
    configmaps, _ = await meta.list_all(CONFIGMAP, ConfigMap, OPTIONS)
    secrets, _ = await meta.list_all(SECRET, Secret, OPTIONS)
    found = [*map(from_configmap, configmaps), *map(from_secret, secrets)]
    return {each.name: each for each in found}
