"""Both kubeconfig loaders: the hostile one against a corpus with a file for each rule, the operator's as kubectl."""

import base64
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym import yaml
from sym.kube.connection import Connection
from sym.kube.errors import BadKubeconfig
from sym.kube.kubeconfig import contexts, in_cluster, load_operator, load_registered
from sym.model.codec import JSON, JSONMap, encode
from tests.kube.certificates import Authority

AUTHORITY = Authority()
CERTIFICATE, KEY = AUTHORITY.issue("admin")
OTHER_KEY = AUTHORITY.issue("other")[1]
CORPUS = sorted((Path(__file__).parent / "kubeconfigs").glob("*.yaml"))


def filled(text: str) -> bytes:
    """A corpus file with real PEM texts in it."""
    values = {"CA": AUTHORITY.pem, "CERT": CERTIFICATE, "KEY": KEY, "OTHERKEY": OTHER_KEY}
    return string.Template(text).substitute({k: base64.b64encode(v).decode() for k, v in values.items()}).encode()


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_corpus(file: Path) -> None:
    text = file.read_text()
    verdict, _, phrase = text.splitlines()[0].removeprefix("# ").partition(": ")
    if verdict == "taken":
        connection = load_registered(filled(text))
        assert connection.server.startswith("https://")
        assert connection.token == "s3cret" or connection.certificate == CERTIFICATE
        assert connection.exec_plugin is None
        assert not connection.token_file
        return
    with pytest.raises(BadKubeconfig) as caught:
        load_registered(filled(text))
    sentence = str(caught.value)
    assert phrase in sentence
    assert "s3cret" not in sentence
    assert "evil" not in sentence
    assert "\n" not in sentence


def test_the_corpus_has_both_sorts() -> None:
    assert len([file for file in CORPUS if file.stem.startswith("taken-")]) >= 12
    assert len([file for file in CORPUS if file.stem.startswith("refused-")]) >= 50


def test_what_is_taken() -> None:
    text = (Path(__file__).parent / "kubeconfigs" / "taken-token-and-certificate.yaml").read_text()
    assert load_registered(filled(text)) == Connection(
        server="https://10.0.0.1:6443",
        name="main",
        ca=AUTHORITY.pem,
        token="s3cret",
        certificate=CERTIFICATE,
        key=KEY,
        registered=True,
    )


def test_a_connection_does_not_show_its_secrets() -> None:
    connection = Connection(server="https://u:pw@h:1/p", name="n", token="s3cret", password="s3cret", key=b"s3cret")
    assert repr(connection) == "Connection(server='h:1', name='n')"
    assert "s3cret" not in f"{connection}{connection.__rich_repr__()}"
    assert connection.host == "h:1"


@pytest.mark.parametrize(
    ("data", "phrase"),
    [
        (b"a" * (64 << 10) + b"a", "more than 65536"),
        (b"\xff\xfe\xff", "not YAML"),
        (b"a: \x00", "not YAML"),
        (b"[" * 60_000, "nested too deeply"),
        (b"{a: " * 15_000, "nested too deeply"),
        (b"- \n" * 20_000, "too many parts"),
    ],
)
def test_bombs_are_refused(data: bytes, phrase: str) -> None:
    with pytest.raises(BadKubeconfig, match=phrase):
        load_registered(data)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_hostile_loader(data: bytes) -> None:
    with pytest.raises(BadKubeconfig):
        load_registered(data)


@given(JSONS, JSONS, JSONS, st.sampled_from(["clusters", "users", "contexts", "kind", "current-context"]))
def test_no_shape_breaks_the_hostile_loader(cluster: JSON, user: JSON, context: JSON, odd: str) -> None:
    document: JSONMap = {
        "current-context": "main",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "main", "context": context}],
    }
    for one in (document, {**document, odd: cluster}, {**document, odd: [cluster, user]}):
        with pytest.raises(BadKubeconfig):
            load_registered(encode(one))


# the operator's own file


EXEC: JSONMap = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "command": "./login",
    "args": ["--x"],
    "env": [{"name": "A", "value": "b"}],
    "installHint": "install it",
    "interactiveMode": "IfAvailable",
    "provideClusterInfo": True,
}


def written(folder: Path, **changes: JSON) -> Path:
    """A kubeconfig of the operator, with paths in it."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "ca.pem").write_bytes(AUTHORITY.pem)
    (folder / "cert.pem").write_bytes(CERTIFICATE)
    (folder / "key.pem").write_bytes(KEY)
    (folder / "token").write_text("from-file\n")
    document: JSONMap = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "files",
        "clusters": [
            {"name": "c", "cluster": {"server": "https://10.0.0.1", "certificate-authority": "ca.pem"}},
            {
                "name": "lax",
                "cluster": {"server": "http://10.0.0.2", "insecure-skip-tls-verify": True, "proxy-url": "http://p:1"},
            },
        ],
        "users": [
            {
                "name": "files",
                "user": {"client-certificate": "cert.pem", "client-key": "key.pem", "tokenFile": "token"},
            },
            {"name": "basic", "user": {"username": "u", "password": "p", "as": "jane", "as-groups": ["g"]}},
            {
                "name": "plugin",
                "user": {"exec": EXEC},
            },
        ],
        "contexts": [
            {"name": "files", "context": {"cluster": "c", "user": "files", "namespace": "n"}},
            {"name": "basic", "context": {"cluster": "lax", "user": "basic"}},
            {"name": "plugin", "context": {"cluster": "c", "user": "plugin"}},
        ],
        **changes,
    }
    path = folder / "config"
    path.write_text(yaml.dump(document))
    return path


def test_the_operator_may_name_files(tmp_path: Path) -> None:
    connection = load_operator(str(written(tmp_path)))
    assert (connection.ca, connection.certificate, connection.key) == (AUTHORITY.pem, CERTIFICATE, KEY)
    assert connection.token_file == str(tmp_path / "token")
    assert (connection.name, connection.namespace) == ("files", "n")


def test_the_operator_may_do_what_kubectl_may(tmp_path: Path) -> None:
    connection = load_operator(str(written(tmp_path)), "basic")
    assert connection.insecure
    assert connection.proxy_url == "http://p:1"
    assert (connection.username, connection.password) == ("u", "p")
    assert (connection.impersonate, connection.impersonate_groups) == ("jane", ("g",))


def test_the_operator_may_use_a_plug_in(tmp_path: Path) -> None:
    plugin = load_operator(str(written(tmp_path)), "plugin").exec_plugin
    assert plugin is not None
    assert plugin.command == str(tmp_path / "login")
    assert (plugin.args, plugin.env, plugin.install_hint) == (("--x",), {"A": "b"}, "install it")
    assert plugin.provide_cluster_info


def test_of_several_files_the_first_to_define_something_counts(tmp_path: Path) -> None:
    first = written(tmp_path / "a", contexts=[], clusters=[])
    second = written(tmp_path / "b")
    first.write_text(first.read_text().replace("current-context: files", "current-context: ''"))
    connection = load_operator(f"{first}:{tmp_path / 'missing'}:{second}")
    assert connection.token_file == str(tmp_path / "a" / "token"), "users of the first file"
    assert connection.server == "https://10.0.0.1", "clusters of the second"
    assert contexts(f"{first}:{second}") == (("files", "basic", "plugin"), "files")


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / ".kube")
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert load_operator().name == "files"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_operator(context="plugin").name == "plugin"


@pytest.mark.parametrize(
    ("user", "phrase"),
    [
        ({"auth-provider": {"name": "gcp"}}, "exec plug-in"),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}}, "apiVersion"),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}, "command"),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x", "interactiveMode": "Always"}},
            "interactiveMode",
        ),
        ({"client-certificate": "missing.pem"}, "missing.pem cannot be read"),
        ({"client-certificate": "cert.pem"}, "belong together"),
    ],
)
def test_what_the_operator_is_told(tmp_path: Path, user: JSONMap, phrase: str) -> None:
    path = written(tmp_path, users=[{"name": "files", "user": user}])
    with pytest.raises(BadKubeconfig, match=phrase):
        load_operator(str(path))


def test_a_missing_file_or_context_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadKubeconfig, match="cannot be read"):
        load_operator(str(tmp_path / "none"))
    with pytest.raises(BadKubeconfig, match="names a context that is not there"):
        load_operator(str(written(tmp_path)), "other")


def test_outside_a_pod_there_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(BadKubeconfig, match="--kubeconfig"):
        in_cluster()


def test_in_a_pod_the_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(BadKubeconfig, match="automountServiceAccountToken"):
        in_cluster(tmp_path)
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.pem)
    (tmp_path / "namespace").write_text("sym-admin\n")
    connection = in_cluster(tmp_path)
    assert connection.server == "https://[fd00::1]:443"
    assert (connection.namespace, connection.token_file) == ("sym-admin", str(tmp_path / "token"))
    assert connection.ca == AUTHORITY.pem
