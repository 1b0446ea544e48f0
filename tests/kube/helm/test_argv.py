"""What the `helm` program is told."""

from pathlib import Path

import pytest
from msgspec import structs

from sym.kube.helm import argv
from sym.kube.helm.types import Capabilities, ReleaseName, Wanted

THREE = argv.Version(3, 19, "v3.19.5")
FOUR = argv.Version(4, 0, "v4.0.1")
RELEASE = ReleaseName(namespace="shop", name="web")
WANTED = Wanted(
    release=RELEASE, chart=Path("/charts/web"), values=({"a": 1}, "b: 2"), labels={"z": "1", "a.b/c": "2"},
    description="-by us, now", history=7,
)  # fmt: skip
COMMON = ["--namespace=shop", "--values=values-0.yaml", "--values=values-1.yaml"]
WRITING = ["--timeout=57s", "--description=-by us, now", "--labels=a.b/c=2", "--labels=z=1"]
END = ["--", "web", "/charts/web"]


def test_install_and_upgrade() -> None:
    assert argv.install(WANTED, THREE, 57.9) == [
        "install", *COMMON, "--skip-crds", "--output=json", *WRITING, *END,
    ]  # fmt: skip
    assert argv.upgrade(structs.replace(WANTED, hooks=False), FOUR, 57.9) == [
        "upgrade", *COMMON, "--no-hooks", "--output=json", "--reset-values", "--history-max=7", *WRITING,
        "--server-side=false", *END,
    ]  # fmt: skip
    bare = Wanted(release=RELEASE, chart=Path("/charts/web"))
    assert argv.install(bare, FOUR, 0.2) == [
        "install", "--namespace=shop", "--skip-crds", "--output=json", "--timeout=1s", "--server-side=false", *END,
    ]  # fmt: skip


def test_template() -> None:
    asked = Capabilities(kube_version="v1.31.0", api_versions=("a/v1", "a/v1/Thing"))
    assert argv.template(WANTED, asked) == [
        "template", *COMMON, "--skip-crds", "--skip-tests", "--kube-version=v1.31.0", "--api-versions=a/v1",
        "--api-versions=a/v1/Thing", *END,
    ]  # fmt: skip


def test_the_rest() -> None:
    assert argv.rollback(RELEASE, 3, FOUR, 10) == [
        "rollback", "--namespace=shop", "--history-max=0", "--timeout=10s", "--server-side=false", "--", "web", "3",
    ]  # fmt: skip
    assert argv.uninstall(RELEASE, 10) == [
        "uninstall", "--namespace=shop", "--ignore-not-found", "--timeout=10s", "--", "web",
    ]  # fmt: skip
    assert argv.history(RELEASE) == ["history", "--namespace=shop", "--output=json", "--", "web"]
    assert argv.status(RELEASE)[:3] == ["get", "all", "--namespace=shop"]
    assert argv.pull("oci://r/web", "1.2.3", ".") == ["pull", "--version=1.2.3", "--destination=.", "--", "oci://r/web"]


@pytest.mark.parametrize(
    ("said", "version", "usable"),
    [
        ("v3.19.5\n", (3, 19), True),
        ("v4.0.1", (4, 0), True),
        ("v3.13.0-rc.1+g1", (3, 13), True),
        ("v3.12.3", (3, 12), False),
        ("v2.17.0", (2, 17), False),
        ("v5.0.0", (5, 0), False),
    ],
)
def test_which_versions_are_usable(said: str, version: tuple[int, int], usable: bool) -> None:
    found = argv.version_of(said)
    assert found is not None
    assert ((found.major, found.minor), found.text, found.usable) == (version, said.strip(), usable)


@pytest.mark.parametrize("said", ["", "helm", "v3", "version.BuildInfo{}", "v3.19.5 and more"])
def test_what_is_no_version(said: str) -> None:
    assert argv.version_of(said) is None
