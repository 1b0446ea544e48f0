"""The table in docs/metrics.md names exactly what a process exposes."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.make import BJ4, BJ5, two_clusters
from tests.world import installed

pytestmark = pytest.mark.anyio

TABLE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


async def test_the_table_names_what_is_exposed() -> None:
    async with installed(BJ4, BJ5) as world, world.controller() as process:
        await world.apply(two_clusters("v1", 1))
        await world.until_running()
        text = process.routes["/metrics"]({}).body.decode()
    exposed = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")  # the library's own, beside each counter and histogram
    }
    assert exposed == set(re.findall(r"^\| `(\w+)`", TABLE, re.MULTILINE))
    assert 'sym_appset_replicas{name="bbcc",namespace="default",state="available"} 2.0' in text
    assert 'sym_cluster_up{cluster="tcc-bj4"} 1.0' in text
