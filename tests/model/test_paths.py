"""Paths of fields: the notation, and which fields may be left to others."""

import pytest

from sym.model.paths import REPLICAS, Entry, FieldPath, PathError, parse_paths

MAIN = ("spec", "template", "spec", "containers", Entry([("name", "main")]))
PORT = Entry([("containerPort", "80"), ("protocol", "TCP")])


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", ()),
        (" , ", ()),
        ("spec.replicas", (REPLICAS,)),
        (".spec.replicas,spec.paused", (REPLICAS, ("spec", "paused"))),
        ("spec.template.spec.containers[name=main].resources", ((*MAIN, "resources"),)),
        ('.spec.template.spec.containers[name="main"].resources.limits.cpu', ((*MAIN, "resources", "limits", "cpu"),)),
        (
            'spec.template.spec.containers[name=main].ports[containerPort=80,protocol="TCP"].hostPort, spec.paused',
            ((*MAIN, "ports", PORT, "hostPort"), ("spec", "paused")),
        ),
        ('metadata.annotations["example.com/note"]', (("metadata", "annotations", "example.com/note"),)),
        ("metadata.labels['team']", (("metadata", "labels", "team"),)),
        ("spec.template.metadata.labels.team", (("spec", "template", "metadata", "labels", "team"),)),
        ("spec.template.spec.volumes[name=x]", (("spec", "template", "spec", "volumes", Entry([("name", "x")])),)),
    ],
)
def test_paths(text: str, paths: tuple[FieldPath, ...]) -> None:
    assert parse_paths(text) == paths


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("spec..replicas", "no path"),
        ("spec.", "no path"),
        ("spec replicas", "no path"),
        ("spec.a[", "no path"),
        ("spec.a[0]", "names no entry of a list"),
        ("spec.a[name=x y]", "names no entry of a list"),
        ("spec", "name a field under spec"),
        ("status.replicas", "name a field under spec"),
        ("metadata.labels", "name a field under spec"),
        ("metadata.finalizers", "name a field under spec"),
        ("[name=x].spec", "name a field under spec"),
        ("spec.selector.matchLabels", "never changes"),
        ("spec.template", "what Sym rolls out"),
        ("spec.template.metadata.labels", "what Sym rolls out"),
        ("spec.template.spec", "what Sym rolls out"),
        ("spec.template.spec.containers", "what Sym rolls out"),
        ("spec.template.spec.containers[name=main]", "what Sym rolls out"),
        ("spec.template.spec.containers[name=main].image", "what Sym rolls out"),
        ("metadata.labels.app", "knows its workloads by app"),
        ('spec.template.metadata.labels["sym.dmall.com/podset"]', "knows its workloads by sym.dmall.com/podset"),
        ('metadata.annotations["sym.dmall.com/app-id"]', "knows its workloads by sym.dmall.com/app-id"),
    ],
)
def test_what_is_no_path_or_cannot_be_left_to_others(text: str, says: str) -> None:
    with pytest.raises(PathError, match=says) as caught:
        parse_paths(f"spec.paused,{text}")
    assert repr(text) in str(caught.value)
