"""Cluster: its metadata, and the two spellings of Helm values."""

from sym.model.cluster import ClusterApp, ClusterSpec
from sym.model.codec import convert


def test_meta_overrides_additionals() -> None:
    spec = ClusterSpec(additionals={"az": "a", "ldc": "b"}, meta={"az": "c"})
    assert spec.merged_meta == {"az": "c", "ldc": "b"}


def test_both_spellings_of_raw_values_are_read() -> None:
    assert convert({"name": "istio", "rawValus": "a: 1"}, ClusterApp).values_text == "a: 1"
    assert convert({"name": "istio", "rawValues": "b: 1", "rawValus": "a: 1"}, ClusterApp).values_text == "b: 1"
