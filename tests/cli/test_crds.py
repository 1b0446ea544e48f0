"""`sym crds`: the printed CRDs, and the files made from them (the golden of the API)."""

from pathlib import Path

import yaml
from click.testing import CliRunner

from sym.cli.crds import command, stale_files
from sym.model.crd import crds

COMMITTED = Path(__file__).parents[2] / "charts" / "sym" / "crds"


def test_it_prints_every_crd_as_a_document() -> None:
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 0
    assert list(yaml.safe_load_all(result.output)) == crds()
    assert "&id" not in result.output


def test_the_committed_files_are_what_the_structs_give() -> None:
    assert stale_files(COMMITTED) == []


def test_it_writes_files_and_finds_stale_ones(tmp_path: Path) -> None:
    folder = tmp_path / "crds"
    assert CliRunner().invoke(command, ["--check", str(folder)]).exit_code == 1
    assert CliRunner().invoke(command, ["--write", str(folder)]).exit_code == 0
    assert CliRunner().invoke(command, ["--check", str(folder)]).exit_code == 0
    (folder / "appsets.workload.dmall.com.yaml").write_text("{}", encoding="utf-8")
    (folder / "more.yaml").write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(command, ["--check", str(folder)])
    assert result.exit_code == 1
    assert "appsets.workload.dmall.com.yaml, more.yaml" in result.output
    assert "sym crds --write" in result.output
