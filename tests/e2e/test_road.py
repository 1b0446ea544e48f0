"""The document's road on real clusters: an AppSet runs, rests and goes, and the judge has nothing to complain of."""

from sym.cli.demo_install import example
from sym.model.codec import dig_str
from tests.e2e.ground import Ground


def test_the_documents_example_runs_and_goes(ground: Ground) -> None:
    """The example keeps its `minReadySeconds: 10`, which real clusters count in real time."""
    ground.apply_app(example("01-bbcc.yaml"))
    ground.until(lambda: ground.runs("bbcc", "v3/v4"), "bbcc runs")
    found = [pod for member in ground.rests().members.values() for pod in member.pods]
    assert len([pod for pod in found if dig_str(pod, "metadata", "labels", "app") == "bbcc"]) == 10
    ground.delete_app("bbcc")
    left = ground.rests()
    things = [thing for member in left.members.values() for thing in (*member.children, *member.deployments)]
    assert not [name for thing in things if (name := dig_str(thing, "metadata", "name")).startswith("bbcc")]


def test_at_rest_nothing_is_written(ground: Ground) -> None:
    """With an AppSet at rest, an idle while brings no write of ours besides Leases at any server."""
    ground.apply_app(example("03-shares.yaml"))
    ground.until(lambda: ground.runs("web", "v1"), "web runs")
    ground.rests()
    ground.idle()  # endpoints come a little later than the pods, and are told
    before = ground.writes()
    ground.idle()
    assert ground.writes() == before
    ground.delete_app("web")
