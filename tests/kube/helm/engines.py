"""The Helm engines of this machine, and one way to have each: what the tests run on."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from sym.kube.helm import find
from sym.kube.helm.types import HelmEngine
from sym.settings import HelmSettings

WHY = "there is no {} here: `sh dev.sh e2e --build` builds one, which needs Go"


def programs() -> Mapping[str, Path]:
    """Helm programs by their names in the tests."""
    cache = Path(os.environ.get("SYM_CACHE") or Path.home() / ".cache" / "sym") / "controlplane"
    built = {name: sorted(cache.glob(f"*/{name}"), key=lambda path: path.stat().st_mtime) for name in ("helm", "helm4")}
    found = {name: paths[-1] for name, paths in built.items() if paths}
    on_path = shutil.which("helm")
    return {**({"helm": Path(on_path)} if on_path else {}), **found}


PROGRAMS = programs()
NAMES = ("helm", "helm4")


async def engine(name: str, settings: HelmSettings | None = None) -> HelmEngine:
    """The engine of that name."""
    chosen = structs.replace(settings or HelmSettings(), engine="cli", program=str(PROGRAMS[name]))
    return await find.find_engine(chosen)
