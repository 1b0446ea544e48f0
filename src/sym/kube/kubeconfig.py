"""Kubeconfig files, read by two loaders that are never mixed.

`load_registered` reads what somebody put into a Secret or ConfigMap: hostile until proven harmless. A kubeconfig is
code (`exec` runs commands, paths read our files, redirects of a proxy see tokens), so only an allow-list gets through,
and each refusal is a sentence. `load_operator` reads the file that whoever started this process pointed to; it is
trusted, and may do what kubectl's may. Neither ever puts the document or a part of it into a message.

Source: reliability.md 5.5, semantics.md 8.
"""

import base64
import binascii
import contextlib
import os
import pathlib
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from sym import yaml
from sym.kube.connection import Connection, ExecPlugin, is_forbidden
from sym.kube.errors import BadKubeconfig
from sym.kube.tls import tls_context
from sym.model.codec import DecodeError, JSONMap, as_map, dig_list, dig_map, dig_str

_OPERATOR_LIMIT = 4 << 20
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_SERVICE_ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")

_INLINE = "put the content itself there; `kubectl config view --raw --flatten` does that"
_INSTEAD = "use a token of a ServiceAccount or a client certificate"
_ALLOWED: Mapping[str, frozenset[str]] = {
    "": frozenset(("apiVersion", "kind", "clusters", "contexts", "users", "current-context", "preferences")),
    "context": frozenset(("cluster", "user", "namespace")),
    "cluster": frozenset(("server", "certificate-authority-data", "tls-server-name")),
    "user": frozenset(("client-certificate-data", "client-key-data", "token")),
}
_REFUSED: Mapping[str, str] = {
    "exec": f"a registered kubeconfig may not run commands; {_INSTEAD}",
    "auth-provider": f"a registered kubeconfig may not run commands; {_INSTEAD}",
    "username": f"passwords are not taken; {_INSTEAD}",
    "password": f"passwords are not taken; {_INSTEAD}",
    "tokenFile": "a registered kubeconfig may not name files; put the token itself into `token`",
    "certificate-authority": f"a registered kubeconfig may not name files; {_INLINE}",
    "client-certificate": f"a registered kubeconfig may not name files; {_INLINE}",
    "client-key": f"a registered kubeconfig may not name files; {_INLINE}",
    "insecure-skip-tls-verify": "the server must prove who it is; put its CA into certificate-authority-data",
    "proxy-url": "a registered kubeconfig may not choose a proxy, it would see all that Sym sends; remove it",
    "as": "a registered kubeconfig may not impersonate; register the identity itself",
    "as-uid": "a registered kubeconfig may not impersonate; register the identity itself",
    "as-groups": "a registered kubeconfig may not impersonate; register the identity itself",
    "as-user-extra": "a registered kubeconfig may not impersonate; register the identity itself",
    "extensions": "extensions are not taken; remove them",
}


def load_registered(data: bytes) -> Connection:
    """The connection that an untrusted kubeconfig describes. Raises BadKubeconfig with what to change."""
    try:
        yaml.check(data, yaml.Limits())
        document = as_map(yaml.load(data))
    except DecodeError as error:
        raise BadKubeconfig(f"kubeconfig: {error.message}") from None
    _only(document, "", "kubeconfig")
    if document.get("kind", "Config") != "Config" or document.get("apiVersion", "v1") != "v1":
        raise BadKubeconfig("kubeconfig: kind must be Config and apiVersion v1")
    name = _chosen(document, "")
    context = _named(document, "contexts", "context", name)
    _only(context, "context", f"contexts[{name}].context")
    cluster_name, user_name = _text(context, "cluster", "context"), _text(context, "user", "context")
    cluster = _named(document, "clusters", "cluster", cluster_name)
    user = _named(document, "users", "user", user_name)
    _only(cluster, "cluster", f"clusters[{cluster_name}].cluster")
    _only(user, "user", f"users[{user_name}].user")
    connection = Connection(
        server=_hostile_server(_text(cluster, "server", "cluster")),
        name=name,
        namespace=_text(context, "namespace", "context"),
        ca=_base64(cluster, "certificate-authority-data", "cluster"),
        tls_server_name=_text(cluster, "tls-server-name", "cluster"),
        certificate=_base64(user, "client-certificate-data", "user"),
        key=_base64(user, "client-key-data", "user"),
        token=_token(user),
        registered=True,
    )
    if not connection.token and not connection.certificate:
        raise BadKubeconfig(f"users[{user_name}].user: no credential; put a token, or client-certificate-data and -key")
    return _proven(connection)


def load_operator(path: str = "", context: str = "") -> Connection:
    """The connection of `context` (or the current one) in the operator's own file. `path` may list several files, as
    KUBECONFIG does, of which the first to define something counts; "" means $KUBECONFIG, then ~/.kube/config.
    Raises BadKubeconfig."""
    document = _merged(path or os.environ.get("KUBECONFIG", "") or str(pathlib.Path.home() / ".kube" / "config"))
    name = _chosen(document, context)
    chosen = _named(document, "contexts", "context", name)
    cluster = _named(document, "clusters", "cluster", _text(chosen, "cluster", "context"))
    user_name = _text(chosen, "user", "context")
    user = _named(document, "users", "user", user_name)
    if user.get("auth-provider"):
        raise BadKubeconfig("user.auth-provider: auth providers are gone from Kubernetes; use an exec plug-in instead")
    connection = Connection(
        server=_operator_server(_text(cluster, "server", "cluster")),
        name=name,
        namespace=_text(chosen, "namespace", "context"),
        user=user_name,
        ca=_content(cluster, "certificate-authority", "cluster"),
        tls_server_name=_text(cluster, "tls-server-name", "cluster"),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        certificate=_content(user, "client-certificate", "user"),
        key=_content(user, "client-key", "user"),
        token=_token(user),
        token_file=_text(user, "tokenFile", "user"),
        username=_text(user, "username", "user"),
        password=_text(user, "password", "user"),
        exec_plugin=_exec(user),
        proxy_url=_text(cluster, "proxy-url", "cluster"),
        impersonate=_text(user, "as", "user"),
        impersonate_groups=tuple(str(group) for group in dig_list(user, "as-groups")),
    )
    return _proven(connection)


def contexts(path: str = "") -> tuple[tuple[str, ...], str]:
    """The names of the contexts in the operator's own file, and the current one."""
    document = _merged(path or os.environ.get("KUBECONFIG", "") or str(pathlib.Path.home() / ".kube" / "config"))
    names = tuple(dig_str(entry, "name") for entry in dig_list(document, "contexts"))
    return names, dig_str(document, "current-context")


def in_cluster(folder: pathlib.Path = _SERVICE_ACCOUNT) -> Connection:
    """The connection of the pod that we run in, from the files that the kubelet keeps in `folder`; the token is read
    again as it is renewed. Raises BadKubeconfig."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise BadKubeconfig("this process does not run in a pod (no KUBERNETES_SERVICE_HOST); name a --kubeconfig")
    token_file = folder / "token"
    if not token_file.is_file():
        raise BadKubeconfig(f"{token_file} is missing: the pod has automountServiceAccountToken off; turn it on")
    namespace = folder / "namespace"
    return _proven(
        Connection(
            server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            name="in-cluster",
            namespace=namespace.read_text("utf-8").strip() if namespace.is_file() else "",
            ca=_file(str(folder / "ca.crt"), "ca.crt"),
            token_file=str(token_file),
        )
    )


# what both loaders share


def _chosen(document: JSONMap, wanted: str) -> str:
    """The context to use: the one asked for, the current one, or the only one."""
    names = [dig_str(entry, "name") for entry in dig_list(document, "contexts")]
    current = wanted or _text(document, "current-context", "kubeconfig")
    if not current and len(names) == 1:
        return names[0]
    if not current:
        raise BadKubeconfig(f"kubeconfig: it has {len(names)} contexts and no current-context; set current-context")
    if current not in names:
        raise BadKubeconfig("kubeconfig: current-context names a context that is not there; correct it")
    return current


def _named(document: JSONMap, plural: str, singular: str, name: str) -> JSONMap:
    found = [entry for entry in dig_list(document, plural) if dig_str(entry, "name") == name]
    if len(found) != 1 or not name:
        problem = "is not there" if not found else "is there more than once"
        raise BadKubeconfig(
            f"kubeconfig: the {singular} that the chosen context needs {problem} in {plural}; correct it"
        )
    if not isinstance(dig_map(found[0]).get(singular), dict):
        raise BadKubeconfig(f"kubeconfig: {plural}[{_shown(name)}].{singular} must be an object")
    return dig_map(found[0], singular)


def _text(holder: JSONMap, key: str, where: str) -> str:
    value = holder.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadKubeconfig(f"{where}.{key}: must be text; put it in quotes")
    return value


def _token(user: JSONMap) -> str:
    token = _text(user, "token", "user").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise BadKubeconfig("user.token: it holds a character that no token has; put the bare token there")
    return token


def _base64(holder: JSONMap, key: str, where: str) -> bytes:
    text = "".join(_text(holder, key, where).split())
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadKubeconfig(f"{where}.{key}: this is not base64; put the base64 of the PEM text there") from None


def _proven(connection: Connection) -> Connection:
    """`connection`, whose PEM texts were tried once, so that a bad one is known now and not at the first call."""
    if bool(connection.certificate) != bool(connection.key):
        raise BadKubeconfig("user: client-certificate-data and client-key-data belong together; one of them is missing")
    tls_context(connection)
    return connection


def _shown(name: str) -> str:
    return "".join(char for char in name[:64] if char.isprintable())


# registered


def _only(holder: JSONMap, part: str, where: str) -> None:
    """Refuse every field that is not on the allow-list, unless it is empty and so says nothing."""
    for key, value in holder.items():
        if key in _ALLOWED[part] or not value:
            continue
        reason = _REFUSED.get(key, "this field is not known to Sym; remove it")
        raise BadKubeconfig(f"{_shown(where)}.{_shown(key)}: {reason}")
    if holder.get("preferences"):
        raise BadKubeconfig(f"{where}.preferences: preferences are not taken; remove them")


def _hostile_server(server: str) -> str:
    parts = _split(server)
    if parts.scheme != "https":
        raise BadKubeconfig("cluster.server: only https:// servers are taken; no token goes over plain http")
    host = (parts.hostname or "").rstrip(".")
    try:
        forbidden = is_forbidden(host)
    except ValueError:
        # 2852039166 and 0xa9fea9fe are addresses to a resolver, though not to us
        forbidden = host.rpartition(".")[2][:1].isdigit()
    if forbidden:
        raise BadKubeconfig("cluster.server: link-local, unspecified and multicast addresses are no API servers")
    return server


# operator


def _operator_server(server: str) -> str:
    if _split(server).scheme not in ("https", "http"):
        raise BadKubeconfig("cluster.server: must begin with https://")
    return server


def _merged(path: str) -> JSONMap:
    """All files of a KUBECONFIG-like list as one document; file names in them made absolute."""
    merged: JSONMap = {"clusters": [], "contexts": [], "users": [], "current-context": ""}
    read = [pathlib.Path(part).expanduser() for part in path.split(os.pathsep) if part]
    for file in read:
        if not file.is_file() and len(read) > 1:
            continue
        document = _absolute(_operator_document(file), file.absolute().parent)
        merged["current-context"] = dig_str(merged, "current-context") or dig_str(document, "current-context")
        for plural in ("clusters", "contexts", "users"):
            known = {dig_str(entry, "name") for entry in dig_list(merged, plural)}
            fresh = [entry for entry in dig_list(document, plural) if dig_str(entry, "name") not in known]
            merged[plural] = [*dig_list(merged, plural), *fresh]
    return merged


def _operator_document(file: pathlib.Path) -> JSONMap:
    data = _file(str(file), "kubeconfig")
    try:
        return as_map(yaml.load(data))
    except DecodeError as error:
        raise BadKubeconfig(f"kubeconfig {file}: {error.message}") from None


def _absolute(document: JSONMap, folder: pathlib.Path) -> JSONMap:
    for plural, singular, keys in (
        ("clusters", "cluster", ("certificate-authority",)),
        ("users", "user", ("client-certificate", "client-key", "tokenFile")),
    ):
        for entry in dig_list(document, plural):
            holder = dig_map(entry, singular)
            holder.update({key: str(folder / _text(holder, key, singular)) for key in keys if holder.get(key)})
            command = dig_str(holder, "exec", "command")
            if os.sep in command:
                dig_map(holder, "exec")["command"] = str(folder / command)
    return document


def _content(holder: JSONMap, key: str, where: str) -> bytes:
    """The inline data, which goes before the file of the same meaning."""
    if data := _base64(holder, f"{key}-data", where):
        return data
    path = _text(holder, key, where)
    return _file(path, f"{where}.{key}") if path else b""


def _file(path: str, what: str) -> bytes:
    try:
        with pathlib.Path(path).open("rb") as file:
            data = file.read(_OPERATOR_LIMIT + 1)
    except OSError as error:
        raise BadKubeconfig(f"{what}: {path} cannot be read: {error.strerror}") from None
    if len(data) > _OPERATOR_LIMIT:
        raise BadKubeconfig(f"{what}: {path} has more than {_OPERATOR_LIMIT} bytes")
    return data


def _exec(user: JSONMap) -> ExecPlugin | None:
    spec = dig_map(user, "exec")
    if not spec:
        return None
    version = _text(spec, "apiVersion", "user.exec")
    if version not in _EXEC_VERSIONS:
        raise BadKubeconfig(f"user.exec.apiVersion: must be {_EXEC_VERSIONS[0]}; update the plug-in")
    if not (command := _text(spec, "command", "user.exec")):
        raise BadKubeconfig("user.exec.command: is missing")
    if _text(spec, "interactiveMode", "user.exec") == "Always":
        raise BadKubeconfig("user.exec.interactiveMode: Always is not possible here, Sym has nobody to ask")
    return ExecPlugin(
        command=command,
        args=tuple(str(arg) for arg in dig_list(spec, "args")),
        env={dig_str(pair, "name"): dig_str(pair, "value") for pair in dig_list(spec, "env")},
        api_version=version,
        install_hint=_text(spec, "installHint", "user.exec"),
        provide_cluster_info=spec.get("provideClusterInfo") is True,
    )


def _split(server: str) -> SplitResult:
    parts = urlsplit("")
    with contextlib.suppress(ValueError):
        found = urlsplit(server)
        if found.port != 0:  # reading it raises for what is no port
            parts = found
    if (
        not parts.hostname
        or parts.username
        or parts.query
        or parts.fragment
        or not server.isprintable()
        or " " in server
    ):
        raise BadKubeconfig("cluster.server: must be https://host:port, without user, query or fragment")
    return parts
