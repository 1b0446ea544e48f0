"""The kubeconfig that Helm gets."""

import base64

from sym import yaml
from sym.kube.connection import Connection, ExecPlugin
from sym.kube.helm.access import kubeconfig, secrets
from sym.model.codec import JSONMap, dig, dig_map


def parts(where: Connection) -> tuple[JSONMap, JSONMap]:
    """Cluster and user of the document, which must hang together."""
    read = yaml.load(kubeconfig(where))
    assert dig(read, "current-context") == dig(read, "contexts", 0, "name")
    context = dig_map(read, "contexts", 0, "context")
    assert context == {"cluster": dig(read, "clusters", 0, "name"), "user": dig(read, "users", 0, "name")}
    return dig_map(read, "clusters", 0, "cluster"), dig_map(read, "users", 0, "user")


def inline(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_registered_cluster() -> None:
    where = Connection(
        server="https://h:1/path",
        ca=b"CA",
        tls_server_name="n",
        certificate=b"CERT",
        key=b"KEY",
        token="t",
        registered=True,
    )
    assert parts(where) == (
        {"server": "https://h:1/path", "certificate-authority-data": inline(b"CA"), "tls-server-name": "n"},
        {"token": "t", "client-certificate-data": inline(b"CERT"), "client-key-data": inline(b"KEY")},
    )
    assert secrets(where) == ("t", inline(b"KEY"))


def test_the_operators_own() -> None:
    where = Connection(
        server="https://h:1", ca=b"CA", insecure=True, token_file="/t", username="u", password="p", proxy_url="http://x:1",
        impersonate="boss", impersonate_groups=("a", "b"),
    )  # fmt: skip
    assert parts(where) == (
        {"server": "https://h:1", "insecure-skip-tls-verify": True, "proxy-url": "http://x:1"},
        {"tokenFile": "/t", "username": "u", "password": "p", "as": "boss", "as-groups": ["a", "b"]},
    )
    assert secrets(where) == ("p",)


def test_a_plugin() -> None:
    plugin = ExecPlugin(command="/bin/login", args=("a", "$(b)"), env={"A": "1"}, provide_cluster_info=True)
    _, user = parts(Connection(server="https://h:1", exec_plugin=plugin))
    assert user["exec"] == {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/login",
        "args": ["a", "$(b)"],
        "env": [{"name": "A", "value": "1"}],
        "installHint": "",
        "provideClusterInfo": True,
        "interactiveMode": "Never",
    }
