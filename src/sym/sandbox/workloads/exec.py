"""kubectl exec: a WebSocket with numbered channels (v5 or v4 of channel.k8s.io), and the echo shell behind it.

`open_exec` decides, before the upgrade, whether there is a container to enter, and refuses with a real server's words;
`serve_exec` speaks the protocol. Channels: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 sizes; v5 closes one
direction with channel 255. SPDY, which kubectl before 1.30 asks for, is not served. Relies on aiohttp.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from aiohttp import WSMsgType, web
from msgspec import Struct

from sym.model.codec import DecodeError, JSONMap, as_map, dig, dig_list, dig_str, encode, parse_map
from sym.sandbox.failures import bad_request, not_implemented
from sym.sandbox.store import Store
from sym.sandbox.workloads.kubelet import Kubelet
from sym.sandbox.workloads.shell import Box, Input, Shell, Size
from sym.sandbox.workloads.target import Target, find, not_running

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _ERROR, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_FRAME = 1 << 20
_KILLED = 137
_SILENT = "you must specify at least 1 of stdin, stdout, stderr"


class ExecOptions(Struct, frozen=True, kw_only=True):
    """The query of an exec call."""

    command: tuple[str, ...]
    container: str = ""
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


class Session(Struct, frozen=True, kw_only=True):
    """A container that can be entered, and how."""

    target: Target
    asked: ExecOptions

    @property
    def silent(self) -> bool:
        """Whether nothing of the command would be heard, and nothing said to it."""
        return not (self.asked.stdin or self.asked.stdout or self.asked.stderr)

    @property
    def box(self) -> Box:
        """What the shell sees around it."""
        return _box(self.target)


def options(query: Sequence[tuple[str, str]]) -> ExecOptions:
    """The options in a query, where `command` stands once per argument."""
    single = dict(query)
    command = tuple(value for name, value in query if name == "command")
    return ExecOptions(
        command=command,
        container=single.get("container", ""),
        stdin=_flag(single, "stdin"),
        stdout=_flag(single, "stdout"),
        stderr=_flag(single, "stderr"),
        tty=_flag(single, "tty"),
    )


def open_exec(store: Store, kubelet: Kubelet, pod: tuple[str, str], asked: ExecOptions) -> Session:
    """The session in a container of `pod` (namespace, name). Raises Refusal."""
    target = find(store, kubelet, *pod, asked.container)
    if not asked.command:
        raise bad_request("you must specify at least one command for the container")
    phase = dig_str(target.pod, "status", "phase")
    if phase in ("Succeeded", "Failed"):
        raise bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
    if not target.container.up:
        raise not_running(target.container.name)
    return Session(target=target, asked=asked)


def check_protocol(headers: Mapping[str, str]) -> None:
    """Raise Refusal unless the client asks for one of our WebSocket protocols."""
    if headers.get("Upgrade", "").lower() != "websocket":
        raise not_implemented("exec without WebSocket (SPDY); use kubectl 1.30 or newer")
    if not _offered(headers) & set(PROTOCOLS):
        raise bad_request(f"unable to upgrade: only {' and '.join(PROTOCOLS)} are served")


def _offered(headers: Mapping[str, str]) -> set[str]:
    return {name.strip() for name in headers.get("Sec-WebSocket-Protocol", "").split(",")}


async def serve_exec(request: web.BaseRequest, session: Session) -> web.StreamResponse:
    """Upgrade, run the command to its end, tell how it ended, close."""
    if session.silent and PROTOCOLS[0] not in _offered(request.headers):
        return web.Response(status=400, text=_SILENT)  # with v4 a kubelet upgrades, and looks before it does
    socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=_FRAME, heartbeat=30.0)
    await socket.prepare(request)
    if session.silent:  # with v5 the API server upgrades, before it asks the kubelet
        await _tell(socket, _internal(f"unable to upgrade connection: {_SILENT}"))
        await socket.close()
        return socket
    source = Input()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_read(socket, source), name="exec-read")
        running = group.create_task(_run(socket, session, source), name="exec-run")
        killed = group.create_task(_killed(session.target.container.exit), name="exec-killed")
        await asyncio.wait((reading, running, killed), return_when=asyncio.FIRST_COMPLETED)
        if killed.done() and not running.done():
            await _tell(socket, _ended(_KILLED))
        killed.cancel()
        running.cancel()
        with contextlib.suppress(ConnectionError):
            await socket.close()
        reading.cancel()
    return socket


async def _run(socket: web.WebSocketResponse, session: Session, source: Input) -> None:
    asked = session.asked
    open_channels = {_STDOUT: asked.stdout, _STDERR: asked.stderr and not asked.tty}

    async def write(channel: int, data: bytes) -> None:
        if open_channels.get(channel) and data:
            await socket.send_bytes(bytes((channel,)) + data)

    shell = Shell(session.box, source, write, tty=asked.tty)
    if not asked.stdin:
        source.feed(b"")
    with contextlib.suppress(ConnectionError):  # the client has gone
        if shell.knows(asked.command[0]):
            status = _ended(await shell.run(asked.command))
        else:
            status = _no_program(asked.command[0])
        await _tell(socket, status)


async def _tell(socket: web.WebSocketResponse, status: JSONMap) -> None:
    """The last word of a session, unless there is nobody to hear it."""
    with contextlib.suppress(ConnectionError):
        await socket.send_bytes(bytes((_ERROR,)) + encode(status))


async def _killed(exit_: asyncio.Event) -> None:
    await exit_.wait()


async def _read(socket: web.WebSocketResponse, source: Input) -> None:
    async for message in socket:
        if message.type is not WSMsgType.BINARY or not isinstance(message.data, bytes) or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel == _STDIN and data:
            source.feed(data)
        elif channel == _RESIZE:
            _resize(source, data)
        elif channel == _CLOSE and data[:1] == bytes((_STDIN,)):
            source.feed(b"")
    source.feed(b"")


def _resize(source: Input, data: bytes) -> None:
    try:
        size = parse_map(data)
    except DecodeError:
        return
    width, height = dig(size, "Width"), dig(size, "Height")
    if isinstance(width, int) and isinstance(height, int):
        source.resize(Size(width, height))


def _ended(code: int) -> JSONMap:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _no_program(program: str) -> JSONMap:
    return _internal(f'error executing command in container: exec: "{program}": executable file not found in $PATH')


def _internal(words: str) -> JSONMap:
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {words}",
        "reason": "InternalError",
        "details": {"causes": [{"message": words}]},
        "code": 500,
    }


def _box(target: Target) -> Box:
    env = {"PATH": "/usr/bin:/bin", "HOSTNAME": target.pod_name, "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    for given in dig_list(target.container.spec, "env"):
        variable = as_map(given)
        env[dig_str(variable, "name")] = dig_str(variable, "value") or _field(target, variable)
    address = target.run.host.pod_ip
    files = {
        "/etc/hostname": f"{target.pod_name}\n",
        "/etc/hosts": f"127.0.0.1 localhost\n{address} {target.pod_name}\n",
        "/etc/os-release": 'NAME="Sym sandbox"\nID=sym\n',
    }
    return Box(target.pod_name, env, files)


def _field(target: Target, variable: JSONMap) -> str:
    """The value of a variable that comes from a field of the pod."""
    path = dig_str(variable, "valueFrom", "fieldRef", "fieldPath")
    known = {"status.podIP": target.run.host.pod_ip, "status.hostIP": target.run.host.host_ip}
    if path.startswith(("metadata.labels['", "metadata.annotations['")):
        head, _, key = path.partition("['")
        return dig_str(target.pod, *head.split("."), key.removesuffix("']"))
    return known.get(path) or dig_str(target.pod, *path.split("."))


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in ("true", "1", "t")
