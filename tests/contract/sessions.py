"""Recorded sessions: what kubectl and Sym's controllers asked, to be asked again of any server.

Recorded by recording.py. A session keeps requests only. Where one of them repeats a uid, a resourceVersion or a
continue token from an earlier answer, it says from which (`{r12.metadata.uid}`), so that it fits the server it is
played against. Sym's sessions begin where its CRDs are installed.
"""

from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, json

from sym.model.codec import dig_map, dig_str
from sym.model.kinds import CRD
from tests.contract import ours
from tests.contract.steps import JSON_MEDIA, Step, Story

FOLDER = Path(__file__).parent / "recorded_sessions"


class Asked(Struct, frozen=True, omit_defaults=True):
    """One recorded request. `raw` is base64, for bodies that are no text; `save` is its name in later requests."""

    method: str
    path: str
    accept: str = JSON_MEDIA
    media: str = JSON_MEDIA
    body: str = ""
    raw: str = ""
    save: str = ""


def load(file: Path) -> Story:
    """A session's steps."""
    found = json.decode(file.read_bytes(), type=list[Asked])
    return tuple(step for asked in found for step in (_step(asked), *_served(asked)))


def _served(asked: Asked) -> Story:
    """A CRD is waited for, and its place in OpenAPI."""
    if asked.method != "POST" or not asked.path.partition("?")[0].endswith(f"/{CRD.plural}"):
        return ()
    spec = dig_map(json.decode(asked.body), "spec")
    version = dig_str(spec, "versions", 0, "name")
    place = f"/apis/{dig_str(spec, 'group')}/{version}"
    collection = Step(method="GET", path=f"{place}/{dig_str(spec, 'names', 'plural')}", until="200")
    return collection, Step(method="GET", path=f"/openapi/v3{place}", until="200")


def _step(asked: Asked) -> Step:
    return Step(
        method=asked.method,
        path=asked.path,
        accept=asked.accept,
        media=asked.media,
        raw=b64decode(asked.raw) if asked.raw else asked.body.encode(),
        save=asked.save,
    )


def _script(file: Path) -> Story:
    return (*ours.INSTALL, *load(file), *ours.REMOVE) if file.stem.startswith("sym-") else load(file)


SCRIPTS: Mapping[str, Story] = {f"session {file.stem}": _script(file) for file in sorted(FOLDER.glob("*.json"))}
