"""`sym rollout history`: the contents that an AppSet had, from its ControllerRevisions in the meta cluster."""

import json
from collections.abc import Sequence

import click

from sym import yaml
from sym.cli.rollout_call import AppSetCommand, Call, Desk, NoSuchThing
from sym.cli.rollout_change import No
from sym.cli.rollout_former import goal
from sym.cli.rollout_screen import say
from sym.cli.rollout_view import table
from sym.cli.rollout_write import look
from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.appset import AppSet, DeployType
from sym.model.codec import JSON, JSONMap, dig_map
from sym.model.kinds import CONTROLLER_REVISION
from sym.model.versions import union_versions
from sym.model.workload import ControllerRevision
from sym.plan.content import content, content_hash, version_of
from sym.plan.revisions import finished, hash_of, spec_of

CAUSE = "kubernetes.io/change-cause"
"""The annotation in which people say why they changed something; kubectl shows it too."""
_HEADER = ("REVISION", "HASH", "CONTENT", "FINISHED", "CHANGE-CAUSE")


@click.command("history", cls=AppSetCommand)
@click.option("--revision", type=click.IntRange(min=1), help="Show the spec of this revision.")
@click.option("-o", "--output", type=click.Choice(("json", "yaml")), help="All of it, for programs.")
@click.pass_obj
def history_command(call: Call, revision: int | None, output: str | None) -> None:
    """Show the contents that ran before, the present one marked with *."""
    call.run(lambda desk: shown(desk, revision, output))


async def shown(desk: Desk, number: int | None, output: str | None) -> None:
    """Print the history, or one revision of it. Raises NoSuchThing, KubeError."""
    seen = await look(desk)
    revisions = await revisions_of(desk, seen.app)
    if number is not None:
        try:
            one = goal(seen, revisions, number)
        except No as error:
            raise NoSuchThing(f"{desk.where}: {error}") from None
        _print(dig_map(one.data, "spec"), output or "yaml")
    elif output:
        _print({"items": [entry(seen.app, each) for each in revisions]}, output)
    elif revisions:
        for line in table([_HEADER, *(_row(seen.app, each) for each in revisions)]):
            say(line)
    else:
        say(f"{desk.where} has no revisions yet: the controller writes the first one when it takes up the content")


async def revisions_of(desk: Desk, app: AppSet) -> Sequence[ControllerRevision]:
    """The AppSet's own revisions, the oldest first; those of a former AppSet of its name are not."""
    options = ListOptions(namespace=desk.namespace, label_selector=f"{names.APPSET}={desk.name}")
    found, _ = await desk.api.list_all(CONTROLLER_REVISION, ControllerRevision, options)
    mine = app.metadata.annotations.get(names.APP_ID, "")
    return sorted(
        (each for each in found if each.metadata.annotations.get(names.APP_ID, "") == mine),
        key=lambda each: each.revision,
    )


def entry(app: AppSet, revision: ControllerRevision) -> JSONMap:
    """A revision for programs."""
    return {
        "revision": revision.revision,
        "hash": hash_of(revision),
        "content": versions(app.metadata.name, revision),
        "finished": ran(revision) or None,
        "changeCause": cause(app, revision) or None,
        "current": is_current(app, revision),
        "spec": dig_map(revision.data, "spec"),
    }


def versions(app: str, revision: ControllerRevision) -> str:
    """The versions that a revision's podSets run, as a status shows them."""
    spec = spec_of(revision)
    if spec is None:
        return "?"
    helm = spec.pod_spec.deploy_type is DeployType.HELM
    pod_sets = [each for place in spec.cluster_topology.clusters for each in place.pod_sets]
    return union_versions(
        each.version if helm else version_of(content(spec, app, each).template, app) for each in pod_sets
    )


def ran(revision: ControllerRevision) -> str:
    """When it last ran everywhere, as Kubernetes writes times; empty: never."""
    return finished(revision).replace("+00:00", "Z")


def cause(app: AppSet, revision: ControllerRevision) -> str:
    """Why it was changed, in somebody's words; the AppSet's own words are about its present content."""
    own = revision.metadata.annotations.get(CAUSE, "")
    return own or (app.metadata.annotations.get(CAUSE, "") if is_current(app, revision) else "")


def is_current(app: AppSet, revision: ControllerRevision) -> bool:
    """Whether it is what the spec asks for now."""
    return hash_of(revision) == content_hash(app.spec, app.metadata.name)


def _row(app: AppSet, each: ControllerRevision) -> tuple[str, ...]:
    mark = "*" if is_current(app, each) else ""
    told = versions(app.metadata.name, each) or "-"
    return f"{each.revision}{mark}", hash_of(each), told, ran(each) or "-", cause(app, each) or "-"


def _print(value: JSONMap, output: str) -> None:
    whole: JSON = value
    click.echo(json.dumps(whole, indent=4, ensure_ascii=False) if output == "json" else yaml.dump(whole).rstrip())
