"""Metrics are those of docs/metrics.md, by name, type, labels and meaning; none outlives its object."""

from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client import Metric

from sym.controllers.process import Process
from sym.model.kinds import APPSET, SECRET
from sym.model.names import META_NAMESPACE
from tests.make import BJ4, BJ5, two_clusters
from tests.world import installed, until

pytestmark = pytest.mark.anyio

TABLE = Path(__file__).parents[2] / "docs" / "metrics.md"


class Row(NamedTuple):
    """One metric."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str


def documented() -> dict[str, Row]:
    """The table of docs/metrics.md."""
    rows: dict[str, Row] = {}
    for line in TABLE.read_text().splitlines():
        if line.startswith("| `"):
            name, type_, labels, unit, meaning = (cell.strip() for cell in line.strip("|").split("|"))
            assert name.endswith("_seconds`") == (unit == "seconds"), line
            listed = tuple(label.strip() for label in labels.split(",") if label.strip())
            rows[name.strip("`")] = Row(name.strip("`"), type_, listed, meaning)
    return rows


def exposed(process: Process) -> dict[str, Row]:
    """What the process exposes; labels of a metric without rows are not known."""
    families = process.metrics.registry.collect()
    return {row.name: row for row in map(_row, families)}


def _row(family: Metric) -> Row:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
    return Row(name, family.type, tuple(labels), family.documentation)


def rows(process: Process, name: str) -> list[dict[str, str]]:
    """The labels of all samples of that name."""
    families = process.metrics.registry.collect()
    return [sample.labels for family in families for sample in family.samples if sample.name == name]


async def test_the_table_is_what_is_exposed() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        world.links[BJ5].cut()
        await until(lambda: rows(process, "sym_informer_restarts_total"), "a watch is interrupted")
        table, live = documented(), exposed(process)
        assert table.keys() == live.keys()
        for name, row in live.items():
            assert (table[name].type, table[name].meaning) == (row.type, row.meaning), name
            if row.labels:
                assert table[name].labels == row.labels, name


async def test_the_state_and_the_pods_of_an_appset_are_told_until_it_is_gone() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        registry = process.metrics.registry
        where = {"namespace": "default", "name": "bbcc"}

        def told() -> bool:
            return registry.get_sample_value("sym_appset_info", {**where, "phase": "Running", "strategy": "all"}) == 1

        await until(told, "the metric follows the status")
        counts = {each["state"] for each in rows(process, "sym_appset_replicas")}
        assert counts == {"desired", "current", "updated", "available", "unavailable"}
        assert registry.get_sample_value("sym_appset_replicas", {**where, "state": "available"}) == 4
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await until(lambda: not rows(process, "sym_appset_info"), "it is forgotten")
        assert rows(process, "sym_appset_replicas") == []


async def test_a_standby_shows_no_appsets() -> None:
    async with installed() as world, world.controller(identity="one"):
        await until(lambda: world.holds("meta", "one"), "one leads")
        async with world.controller(identity="two") as standby:
            await world.apply(two_clusters())
            await world.until_running()
            assert rows(standby, "sym_appset_info") == []


async def test_a_cluster_that_is_gone_shows_no_rows() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        world.links[BJ5].cut()
        await until(lambda: rows(process, "sym_informer_restarts_total"), "a watch is interrupted")
        await world.remove(world.meta, SECRET, META_NAMESPACE, BJ5)
        await until(lambda: process.fleet.member(BJ5) is None, "it is disconnected")
        families = list(process.metrics.registry.collect())
        shown = {sample.labels.get("cluster") for family in families for sample in family.samples}
        assert BJ5 not in shown
        assert BJ4 in shown
