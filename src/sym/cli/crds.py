"""`sym crds`: the CustomResourceDefinitions as YAML, ready for `kubectl apply --server-side -f -`.

The same text, file by file, is kept in `charts/sym/crds/`; `--check DIR` says whether those files are stale.
"""

from pathlib import Path

import click
import yaml

from sym.model.codec import JSONMap, dig_str
from sym.model.crd import crds

HEADER = "# Made by `sym crds --write charts/sym/crds` from src/sym/model; change the structs there, not this file.\n"


@click.command("crds")
@click.option("--write", type=click.Path(file_okay=False, path_type=Path), help="Write one file each into DIR instead.")
@click.option(
    "--check", type=click.Path(file_okay=False, path_type=Path), help="Compare with the files in DIR instead."
)
def command(write: Path | None, check: Path | None) -> None:
    """Print the CRDs of AppSet, AdvDeployment and Cluster."""
    files = crd_files()
    if write:
        write.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (write / name).write_text(text, encoding="utf-8")
    if check:
        stale = stale_files(check)
        if stale:
            raise click.ClickException(f"stale in {check}: {', '.join(stale)}; run `sym crds --write {check}`")
    if not (write or check):
        click.echo("---\n".join(to_yaml(crd) for crd in crds()), nl=False)


def crd_files() -> dict[str, str]:
    """The text of each CRD's file by its name, as `appsets.workload.dmall.com.yaml`."""
    return {f"{dig_str(crd, 'metadata', 'name')}.yaml": HEADER + to_yaml(crd) for crd in crds()}


def stale_files(folder: Path) -> list[str]:
    """The names of files in `folder` that are missing, differ from what the structs give, or should not be there."""
    wanted = crd_files()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def to_yaml(document: JSONMap) -> str:
    """The document as block YAML, keys in their own order, no aliases."""
    return yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110)


class _PlainDumper(yaml.SafeDumper):
    """A dumper that writes a value again where it occurs twice: aliases are not for generated files."""

    def ignore_aliases(self, data: object) -> bool:
        """Whether `data` is written in full: always."""
        del data
        return True
