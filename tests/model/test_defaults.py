"""Which of several settings counts: the innermost that is given."""

from sym.model import defaults
from sym.model.appset import Chart, ChartUrl, Inject, PodSet, PodSpec, StatefulSetStrategy, UpdateStrategy


def test_bounds_of_a_change() -> None:
    outer = UpdateStrategy(max_surge=2, max_unavailable="10%", progress_deadline_seconds=0)
    assert defaults.max_surge(PodSet(max_surge=0), outer) == 0
    assert defaults.max_surge(PodSet(), outer) == 2
    assert defaults.max_surge(PodSet(), UpdateStrategy()) == "25%"
    assert defaults.max_unavailable(PodSet(max_unavailable=1), outer) == 1
    assert defaults.max_unavailable(PodSet(), outer) == "10%"
    assert defaults.max_unavailable(PodSet(), UpdateStrategy()) == "25%"
    assert defaults.progress_deadline_seconds(outer) == 0
    assert defaults.progress_deadline_seconds(UpdateStrategy()) == 600


def test_stateful_set_strategy() -> None:
    inner, outer = StatefulSetStrategy(partition=1), StatefulSetStrategy(partition=2)
    assert defaults.stateful_set_strategy(PodSet(stateful_set_strategy=inner), UpdateStrategy()) == inner
    assert defaults.stateful_set_strategy(PodSet(), UpdateStrategy(stateful_set_strategy=outer)) == outer
    assert defaults.stateful_set_strategy(PodSet(), UpdateStrategy()) is None


def test_any_part_of_a_chart_makes_it_the_podsets_own() -> None:
    outer = PodSpec(chart=Chart(chart_url=ChartUrl(url="dmall/springBoot", chart_version="0.0.1")))
    assert defaults.chart(PodSet(), outer) == outer.chart
    for own in (
        Chart(raw_chart="AA=="),
        Chart(digest="d"),
        Chart(chart_url=ChartUrl(url="a/b")),
        Chart(chart_url=ChartUrl(chart_version="1")),
    ):
        assert not own.empty
        assert defaults.chart(PodSet(chart=own), outer) == own


def test_injection_is_decided_from_the_inside_out() -> None:
    outer = PodSpec(inject=Inject(env=False, affinity=True))
    assert defaults.inject(PodSet(), PodSpec(), adopted=False) == Inject(env=True, affinity=False, spread=False)
    assert defaults.inject(PodSet(), PodSpec(), adopted=True) == Inject(env=False, affinity=False, spread=False)
    assert defaults.inject(PodSet(), outer, adopted=False) == Inject(env=False, affinity=True, spread=False)
    inner = PodSet(inject=Inject(env=True, affinity=False, spread=True))
    assert defaults.inject(inner, outer, adopted=True) == Inject(env=True, affinity=False, spread=True)
