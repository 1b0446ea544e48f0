"""The Helm engines of this machine, and one way to have each: what the tests run on."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from sym.kube.helm import find
from sym.kube.helm.sdk import library
from sym.kube.helm.types import HelmEngine
from sym.settings import HelmSettings

WHY = "there is no {} here: `sh dev.sh e2e --build` builds helm and helm4, and the extra `helm` is the library"


PROGRAM_NAMES = ("helm", "helm4")


def programs() -> Mapping[str, Path]:
    """Helm programs by their names in the tests."""
    cache = Path(os.environ.get("SYM_CACHE") or Path.home() / ".cache" / "sym") / "controlplane"
    built = {name: sorted(cache.glob(f"*/{name}"), key=lambda path: path.stat().st_mtime) for name in PROGRAM_NAMES}
    found = {name: paths[-1] for name, paths in built.items() if paths}
    on_path = shutil.which("helm")
    return {**({"helm": Path(on_path)} if on_path else {}), **found}


PROGRAMS = programs()
PRESENT = frozenset((*PROGRAMS, *(("sdk",) if library() else ())))
NAMES = (*PROGRAM_NAMES, *(("sdk",) if "SYM_E2E" not in os.environ or "sdk" in PRESENT else ()))
"""What tests run on. An end-to-end run needs the programs, which it builds itself; the library is an extra."""
LACKS: Mapping[str, Mapping[str, str]] = {
    "sdk": {
        "test_what_a_cluster_can_do_is_told_to_the_chart": "it renders for Helm's own idea of a cluster",
        "test_hooks_can_be_left_out": "it always runs hooks",
        "test_fields_that_others_applied_do_not_stop_an_upgrade[sdk-person]": "it applies without force",
    }
}
"""What an engine does not do, by test, and why: it is experimental then. It fails here once it can."""


async def engine(name: str, settings: HelmSettings | None = None) -> HelmEngine:
    """The engine of that name."""
    settings = settings or HelmSettings()
    if name == "sdk":
        return await find.find_engine(structs.replace(settings, engine="sdk"))
    return await find.find_engine(structs.replace(settings, engine="cli", program=str(PROGRAMS[name])))
