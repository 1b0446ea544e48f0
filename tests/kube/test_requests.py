"""Requests are what kube-apiserver expects, letter by letter."""

import pytest

from sym.kube import requests
from sym.kube.requests import ListOptions, Request, Target
from sym.model.codec import parse
from sym.model.kinds import APPSET, DEPLOYMENT, NAMESPACE, NODE, POD
from sym.model.meta import Kind


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "subresource", "path"),
    [
        (POD, "", "", "", "/api/v1/pods"),
        (POD, "d", "", "", "/api/v1/namespaces/d/pods"),
        (POD, "d", "p", "log", "/api/v1/namespaces/d/pods/p/log"),
        (NODE, "ignored", "n", "", "/api/v1/nodes/n"),
        (NAMESPACE, "", "d", "", "/api/v1/namespaces/d"),
        (DEPLOYMENT, "d", "x", "scale", "/apis/apps/v1/namespaces/d/deployments/x/scale"),
        (APPSET, "d", "x", "status", "/apis/workload.dmall.com/v1beta1/namespaces/d/appsets/x/status"),
    ],
)
def test_paths(kind: Kind, namespace: str, name: str, subresource: str, path: str) -> None:
    assert requests.object_path(kind, namespace, name, subresource) == path


def test_a_first_page_asks_for_the_newest() -> None:
    assert requests.list_page(POD, ListOptions(), limit=500).target == "/api/v1/pods?limit=500"


def test_a_relist_asks_for_not_older() -> None:
    options = ListOptions(namespace="d", label_selector="a=b,c", field_selector="spec.nodeName=n")
    assert requests.list_page(POD, options, limit=5, resource_version="7").query == (
        ("limit", "5"),
        ("resourceVersion", "7"),
        ("resourceVersionMatch", "NotOlderThan"),
        ("labelSelector", "a=b,c"),
        ("fieldSelector", "spec.nodeName=n"),
    )


def test_a_further_page_names_no_version() -> None:
    """Servers refuse a continue token together with a resourceVersion."""
    page = requests.list_page(POD, ListOptions(), limit=5, continue_="t", resource_version="7")
    assert page.query == (("limit", "5"), ("continue", "t"))


def test_a_watch() -> None:
    assert requests.watch(POD, ListOptions(namespace="d"), resource_version="7", timeout_seconds=300).target == (
        "/api/v1/namespaces/d/pods?watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=300"
    )


def test_an_apply_is_forced_only_where_asked() -> None:
    target = Target(POD, "d", "p", "status")
    forced = requests.apply(target, {}, "m", force=True)
    assert (forced.method, forced.path) == ("PATCH", "/api/v1/namespaces/d/pods/p/status")
    assert forced.query == (("fieldManager", "m"), ("force", "true"))
    assert forced.headers == {"Content-Type": "application/apply-patch+yaml"}
    assert requests.apply(target, {}, "m", force=False).query == (("fieldManager", "m"),)
    assert requests.patch(target, {}, "m").headers == {"Content-Type": "application/merge-patch+json"}


def test_a_delete_names_exactly_what_it_means() -> None:
    assert parse(requests.delete(POD, namespace="d", name="p", uid="u", resource_version="7").body) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
    }


def test_a_path_is_escaped_once() -> None:
    assert Request(method="GET", path="/a/b c%2f?x#y", query=(("q", "a b"),)).escaped == "/a/b%20c%252f%3Fx%23y?q=a+b"
    for path in ("/a/../b", "/a/./b", ".."):
        with pytest.raises(ValueError, match="is not the path of an object"):
            _ = Request(method="GET", path=path).escaped
