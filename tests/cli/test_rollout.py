"""`sym rollout` as people call it: over HTTPS, in its own event loop, judged by exit code, output and the server."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from io import FileIO
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sym import yaml
from sym.aio.env import SystemEnv
from sym.cli.main import load, main
from sym.cli.rollout import COMMANDS
from sym.cli.rollout_ask import say
from sym.cli.rollout_asks import confirmation
from sym.cli.rollout_call import Desk, told
from sym.cli.rollout_show import proves, seconds_of, waited
from sym.cli.rollout_write import look, whoami
from sym.kube.api import Api
from sym.kube.client import Client
from sym.kube.errors import Conflict, Forbidden, Junk, KubeError, NotServed
from sym.kube.requests import Request, Response, create
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str, encode, parse_map
from sym.model.crd import crds
from sym.model.kinds import APPSET, CRD, NAMESPACE
from sym.sandbox.access import Access
from sym.sandbox.ca import Authority
from sym.sandbox.call import User
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.faults import FaultyClient, Refuse, Script
from sym.sandbox.kubeconfig import Context, kubeconfig, write
from sym.sandbox.server import HttpsServer
from sym.settings import KubeSettings, SandboxSettings
from tests.cli.rollouts import GATE, canary, completed, condition, hash_of, waiting, with_rollout, with_row, with_status
from tests.cli.test_main import modules_after
from tests.make import BJ5
from tests.wait import until_async

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

JANE = User(name="jane@example", groups=("system:authenticated",))


class Site:
    """A meta cluster with one AppSet, and the file by which Jane reaches it. Her context's namespace is `shop`."""

    def __init__(self, cluster: SandboxCluster, config: Path) -> None:
        self.cluster = cluster
        self.config = config
        self.api = Api(cluster.client(), "")

    async def put(self, app: JSONMap, namespace: str = "default") -> None:
        """Apply the AppSet, and the status that it has, as of the generation that the server gave it."""
        meta: JSONMap = {"name": dig_str(app, "metadata", "name"), "namespace": namespace}
        head: JSONMap = {"apiVersion": APPSET.api_version, "kind": APPSET.name, "metadata": meta}
        made = await self.api.apply(APPSET, {**head, "spec": app["spec"]}, "person", force=True)
        if "status" in app:
            observed = with_status(app, observedGeneration=dig(made, "metadata", "generation"))
            await self.api.patch_status(APPSET, namespace, "bbcc", {"status": observed["status"]}, "sym-master")

    async def live(self) -> JSONMap:
        """The AppSet as it is."""
        return await self.api.get_raw(APPSET, "default", "bbcc")

    async def told(self, key: str) -> list[JSONMap]:
        """What people have put into a list of status.rollout."""
        return [as_map(each) for each in dig_list(await self.live(), "status", "rollout", key)]

    async def sym(self, *argv: str) -> Result:
        """A call of `sym rollout`, in a thread of its own as its loop must not be ours."""
        verb, *rest = argv
        whole = ["rollout", verb, "--kubeconfig", str(self.config), *rest]
        return await asyncio.to_thread(CliRunner().invoke, main, whole)

    async def watch(self, verb: str, *argv: str) -> tuple[int | None, list[str]]:
        """A call that watches, as a process of its own: its exit code and all that it printed, line by line."""
        code = "from sym.cli.main import main; main()"
        whole = ("-c", code, "rollout", verb, "bbcc", "--kubeconfig", str(self.config), *argv)
        process = await asyncio.create_subprocess_exec(
            sys.executable, *whole, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        out, _ = await process.communicate()
        return process.returncode, out.decode().splitlines()

    async def until_watched(self) -> None:
        """Until somebody watches AppSets."""

        async def watched() -> bool:
            return self.cluster.store.listeners(APPSET) > 0

        await until_async(watched, 30, "somebody watches")


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One server for the module."""
    authority = Authority()
    access = Access(authority)
    cluster = SandboxCluster("one", SystemEnv(), SandboxSettings())
    config = tmp_path_factory.mktemp("kube") / "config"
    async with HttpsServer(cluster, authority, access) as server:
        url = server.address.url
        jane = access.with_token(JANE)
        gone = access.with_token(User(name="gone", groups=("system:authenticated",)))
        access.revoke(gone)
        contexts = [
            Context(name="jane", server=url, credential=jane),
            Context(name="shop", server=url, credential=jane, namespace="shop"),
            Context(name="gone", server=url, credential=gone),
        ]
        write(config, kubeconfig(contexts, authority.certificate))
        for definition in crds():
            await cluster.client().send(create(CRD, definition, namespace="", manager="test"))
        body: JSONMap = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        await cluster.client().send(create(NAMESPACE, body, namespace="", manager="test"))
        yield Site(cluster, config)


@pytest.fixture
async def site(served: Site) -> Site:
    """The server without AppSets."""
    for namespace in ("default", "shop"):
        for entry in served.cluster.store.list(APPSET, namespace):
            served.cluster.store.remove(APPSET, namespace, dig_str(entry.object(), "metadata", "name"))
    return served


# --- what is written


async def test_confirm_is_signed_with_the_name_that_the_server_knows(site: Site) -> None:
    await site.put(waiting())
    done = await site.sym("confirm", "bbcc", "--reason", "looks good")
    assert (done.exit_code, done.output) == (0, f"AppSet default/bbcc: gate {GATE} confirmed by jane@example\n")
    (entry,) = await site.told("confirmations")
    assert entry.items() >= {"gate": GATE, "hash": hash_of(canary()), "user": "jane@example"}.items()
    assert entry["reason"] == "looks good"
    again = await site.sym("confirm", "bbcc")
    assert again.exit_code == 0
    assert f"gate {GATE} is already confirmed by jane@example at " in again.output
    assert len(await site.told("confirmations")) == 1


async def test_confirm_is_refused_before_any_write(site: Site) -> None:
    await site.put(waiting(phase="Progressing", gate=""))
    before = await site.live()
    refused = await site.sym("confirm", "bbcc")
    assert refused.exit_code == 1
    assert "Error: AppSet default/bbcc: the rollout waits at no gate now (Progressing)" in refused.output
    assert await site.live() == before


@pytest.mark.parametrize(
    ("argv", "phase", "verb"),
    [
        (("abort", "as/bbcc"), "Waiting", "abort"),
        (("retry", "default/bbcc"), "Failed", "retry"),
        (("skip", "bbcc", "--cluster", BJ5), "Blocked", "skip"),
    ],
)
async def test_requests(site: Site, argv: tuple[str, ...], phase: str, verb: str) -> None:
    await site.put(with_row(waiting(phase=phase), BJ5, status="Unreachable"))
    done = await site.sym(*argv)
    assert done.exit_code == 0, done.output
    (entry,) = await site.told("requests")
    assert (entry["verb"], entry["user"], entry["hash"]) == (verb, "jane@example", hash_of(canary()))


async def test_pause_and_resume(site: Site) -> None:
    await site.put(waiting())
    for verb, paused, said in (
        ("pause", True, "paused"),
        ("pause", True, "is already paused"),
        ("resume", False, "goes on"),
        ("resume", False, "is not paused"),
    ):
        done = await site.sym(verb, "bbcc")
        assert (done.exit_code, done.output) == (0, f"AppSet default/bbcc: {said}\n")
        assert dig(await site.live(), "spec", "updateStrategy", "paused") is paused


async def test_restart_and_set_image(site: Site) -> None:
    await site.put(completed())
    assert (await site.sym("restart", "bbcc")).exit_code == 0
    assert (await site.sym("set-image", "bbcc", ":v9", "--group", "canary")).exit_code == 0
    live = await site.live()
    annotations = dig_map(live, "spec", "podSpec", "template", "metadata", "annotations")
    assert list(annotations) == ["kubectl.kubernetes.io/restartedAt"]
    versions = [
        dig_str(each, "version") for each in dig_list(live, "spec", "clusterTopology", "clusters", 0, "podSets")
    ]
    assert versions == ["v9", "v4"]
    unknown = await site.sym("set-image", "bbcc", "x=y:v1")
    assert (unknown.exit_code, "there is no container x: there are bbcc" in unknown.output) == (1, True)


# --- arguments and exit codes


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_entry_is_a_command_of_that_name(name: str) -> None:
    assert load(COMMANDS[name].target).name == name
    shown = CliRunner().invoke(main, ["rollout", name, "--help"])
    assert (shown.exit_code, "--namespace" in shown.output) == (0, True)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("confirm",), "Missing argument 'NAME'"),
        (("confirm", "a/b", "-n", "c"), "it names another namespace than --namespace c: leave one out"),
        (("confirm", "/b"), "name the AppSet as NAME, as/NAME or NAMESPACE/NAME"),
        (("confirm", "a/"), "no AppSet can have this name"),
        (("confirm", ".."), "no AppSet can have this name"),
        (("confirm", "b", "-n", "a/b"), "no namespace can have this name"),
        (("confirm", "bbcc", "--reason", "x" * 4097), "--reason has 4097 characters, at most 4096 are kept"),
        (("skip", "bbcc"), "Missing option '--cluster'"),
        (("set-image", "bbcc"), "Missing argument '[CONTAINER=]IMAGE...'"),
        (("set-image", "bbcc", "A"), "'A' is no image: write repository:tag"),
        (("status", "bbcc", "--timeout", "soon"), "'soon' is no duration: write it as 90s, 10m or 1h30m"),
        (("get", "bbcc", "-o", "xml"), "'xml' is not one of"),
        (("get", "bbcc", "-w", "-o", "json"), "-w shows the tree: leave out -o"),
        (("promote", "bbcc"), "No such command 'promote'"),
    ],
)
async def test_usage(site: Site, argv: tuple[str, ...], why: str) -> None:
    await site.put(waiting())
    refused = await site.sym(*argv)
    assert (refused.exit_code, why in refused.output) == (2, True), refused.output


@pytest.mark.parametrize("verb", sorted(COMMANDS))
async def test_what_is_not_there_and_who_is_not_let_in(site: Site, verb: str) -> None:
    more = {"skip": ("--cluster", BJ5), "set-image": (":v1",)}.get(verb, ())
    missing = await site.sym(verb, "bbcc", *more)
    assert (missing.exit_code, "not found" in missing.output) == (3, True), missing.output
    refused = await site.sym(verb, "bbcc", "--context", "gone", *more)
    assert (refused.exit_code, "Unauthorized" in refused.output) == (4, True), refused.output


async def test_the_namespace_of_the_context_counts(site: Site) -> None:
    await site.put(waiting(), "shop")
    assert (await site.sym("get", "bbcc")).exit_code == 3
    for argv in (("bbcc", "--context", "shop"), ("bbcc", "-n", "shop"), ("shop/bbcc",)):
        assert (await site.sym("get", *argv)).exit_code == 0


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["rollout", "get", "bbcc", "--kubeconfig", str(tmp_path / "no")])
    assert (done.exit_code, "cannot be read" in done.output) == (1, True)


# --- status


@pytest.mark.parametrize(
    ("app", "code", "said"),
    [
        (completed(), 0, "✔ Running\n"),
        (waiting(phase="Failed", gate="", message="no progress in 600 s"), 1, "✖ Failed: no progress in 600 s"),
        (waiting(phase="RolledBack", gate=""), 1, "✖ RolledBack"),
        (waiting(phase="Aborted", gate=""), 1, "✖ Aborted"),
        (
            with_status(canary(), conditions=[condition("Stalled", "True", "Invalid", "no")]),
            1,
            "✖ Stalled: Invalid: no",
        ),
        (
            with_status(completed(), aggrStatus={"status": "Degraded", "desired": 0, "available": 0, "unAvailable": 0}),
            1,
            "✖ Degraded",
        ),
    ],
)
async def test_status_ends_at_once_where_it_is_over(
    site: Site, app: JSONMap, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await site.put(app)
    desk = _desk(site.cluster.client(JANE))
    ended = 0
    try:
        await waited(desk, "", wait=True, seconds=60, env=SystemEnv())
    except click.ClickException as error:
        ended = error.exit_code
    assert (ended, said in capsys.readouterr().out) == (code, True)


async def test_status_waits_tells_the_command_once_and_sees_the_end(site: Site) -> None:
    await site.put(waiting())
    async with asyncio.TaskGroup() as group:
        call = group.create_task(site.watch("status"))
        await site.until_watched()
        await site.put(with_rollout(waiting(), message=f"waits for a person at gate {GATE}"))
        await site.put(completed())
        code, lines = await call
    assert code == 0
    assert lines == [
        f"◷ Waiting: waits for a person at gate {GATE}",
        f"next: sym rollout confirm bbcc -n default --kubeconfig {site.config} --gate {GATE}",
        "✔ Running",
    ]


async def test_status_that_is_not_there_in_time(site: Site) -> None:
    await site.put(waiting())
    code, lines = await site.watch("status", "--timeout", "1")
    assert (code, lines[-1]) == (124, "Error: AppSet default/bbcc was not there in 1 s")


@pytest.mark.parametrize("flag", ["--no-wait", "-w=false", "--watch=false"])
async def test_status_without_waiting(site: Site, flag: str) -> None:
    await site.put(waiting())
    done = await site.sym("status", "bbcc", flag)
    assert (done.exit_code, "◷ Waiting: waits for a person" in done.output) == (1, True), done.output


async def test_status_of_what_is_deleted_meanwhile(site: Site) -> None:
    await site.put(waiting())
    async with asyncio.TaskGroup() as group:
        call = group.create_task(site.watch("status", "-w"))
        await site.until_watched()
        site.cluster.store.remove(APPSET, "default", "bbcc")
        code, lines = await call
    assert (code, lines[-1]) == (3, "Error: AppSet default/bbcc is gone")


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


# --- get


async def test_get_in_every_form(site: Site) -> None:
    await site.put(waiting())
    tree = await site.sym("get", "bbcc")
    assert tree.output.splitlines()[0].startswith("AppSet default/bbcc   ◷ Waiting   strategy canary   wave 1/4")
    assert "\x1b" not in tree.output
    assert f"next: sym rollout confirm bbcc -n default --kubeconfig {site.config} --gate {GATE}" in tree.output
    assert (await site.sym("get", "bbcc", "-o", "name")).output == "appset.workload.dmall.com/bbcc\n"
    live = await site.live()
    del as_map(live["metadata"])["managedFields"]
    assert parse_map((await site.sym("get", "bbcc", "-o", "json")).output) == live
    assert yaml.load((await site.sym("get", "bbcc", "-o", "yaml")).output) == live


async def test_get_live_prints_changes_and_ends_with_the_appset(site: Site) -> None:
    await site.put(waiting())
    async with asyncio.TaskGroup() as group:
        call = group.create_task(site.watch("get", "-w"))
        await site.until_watched()
        await site.put(with_rollout(waiting(), phase="Progressing", gate="", message="goes on"))
        site.cluster.store.remove(APPSET, "default", "bbcc")
        code, lines = await call
    assert lines.count("goes on") == 1
    assert len([line for line in lines if line.startswith("◷ Waiting  canary@")]) == 1
    assert (code, lines[-1]) == (3, "Error: AppSet default/bbcc is gone")


@pytest.mark.parametrize("flags", [(), ("--no-color",)])
async def test_get_live_draws_over_a_terminal(site: Site, flags: tuple[str, ...]) -> None:
    await site.put(waiting())
    ours, theirs = os.openpty()
    with FileIO(ours) as screen:
        code = "from sym.cli.main import main; main()"
        argv = ("-c", code, "rollout", "get", "bbcc", "-w", "--kubeconfig", str(site.config), *flags)
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "60", "LINES": "50"}
        process = await asyncio.create_subprocess_exec(sys.executable, *argv, stdout=theirs, env=env)
        os.close(theirs)
        reading = asyncio.to_thread(_all_of, screen)
        async with asyncio.TaskGroup() as group:
            read = group.create_task(reading)
            await site.until_watched()
            await site.put(with_rollout(waiting(), phase="Progressing", gate="", message="goes on"))
            site.cluster.store.remove(APPSET, "default", "bbcc")
            assert await process.wait() == 3
            shown = await read
    assert ("\x1b[36m◷ Waiting" in shown) is not bool(flags)
    assert "\x1b[2K" in shown  # drawn over
    assert "goes on" in shown
    assert f"--gate{GATE}" in "".join(shown.split())  # nothing of it is cut off
    assert "…" in shown


def _all_of(screen: FileIO) -> str:
    """What a terminal gets until its other end is closed."""
    parts: list[bytes] = []
    with contextlib.suppress(OSError):  # EIO is how Linux says that it was
        while part := screen.read(4096):
            parts.append(part)
    return b"".join(parts).decode()


async def test_a_confirmation_is_verified_where_the_policy_is_in_force() -> None:
    actions: list[JSON] = ["Deny"]
    for answer, proved in (
        ({"spec": {"policyName": "sym-confirmations", "validationActions": actions}}, True),
        ({"spec": {"policyName": "sym-confirmations", "validationActions": ["Audit"]}}, False),
        ({"spec": {"policyName": "another", "validationActions": actions}}, False),
    ):
        assert await proves(Desk(api=Api(Answering(encode(answer)), ""), namespace="d", name="n")) is proved
    assert not await proves(_desk(SandboxCluster("one", SystemEnv(), SandboxSettings()).client()))


# --- who it is, and who was faster


class Answering:
    """A server with one answer, or one error."""

    def __init__(self, answer: bytes | KubeError) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def send(self, request: Request) -> Response:
        self.asked.append(request.path)
        if isinstance(self.answer, KubeError):
            raise self.answer
        return Response(status=200, body=self.answer)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        raise NotServed(request.path)

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("error", [NotServed("404"), Forbidden("403")])
async def test_a_server_that_does_not_tell_leaves_the_name_of_the_file_marked(error: KubeError) -> None:
    old = Answering(error)
    desk = Desk(api=Api(old, ""), namespace="d", name="n", user="admin")
    assert await whoami(desk) == "kubeconfig:admin"
    assert old.asked == [f"/apis/authentication.k8s.io/{each}/selfsubjectreviews" for each in ("v1", "v1beta1")]
    assert await whoami(_desk(Answering(b"{}"))) == "kubeconfig:unknown"


class Racing:
    """A client in front of which somebody else writes: before each of the first PATCHes, the next status is set."""

    def __init__(self, site: Site, *statuses: JSONMap) -> None:
        self._inner = site.cluster.client(JANE)
        self._site = site
        self._next = list(statuses)

    async def send(self, request: Request) -> Response:
        if request.method == "PATCH" and self._next:
            await self._site.put(self._next.pop(0))
        return await self._inner.send(request)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._inner.stream(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_who_was_slower_reads_and_decides_again(site: Site) -> None:
    await site.put(waiting())
    other: JSONMap = {"gate": "x", "hash": "y", "user": "bob"}
    desk = _desk(Racing(site, waiting(confirmations=[other])))
    await say(desk, "", lambda seen, person: confirmation(seen, "", person))
    assert [each["user"] for each in await site.told("confirmations")] == ["bob", "jane@example"]


async def test_a_gate_that_has_passed_meanwhile_is_not_confirmed(site: Site) -> None:
    await site.put(waiting())
    desk = _desk(Racing(site, waiting(phase="Progressing", gate="")))
    with pytest.raises(click.ClickException, match="the rollout waits at no gate now"):
        await say(desk, "", lambda seen, person: confirmation(seen, "", person))
    assert await site.told("confirmations") == []


async def test_a_race_that_does_not_end_is_given_up(site: Site) -> None:
    await site.put(waiting())
    desk = _desk(Racing(site, *(waiting(message=f"{number}") for number in range(30))))
    with pytest.raises(Conflict, match="others write to it all the time; nothing was changed, try again"):
        await say(desk, "", lambda seen, person: confirmation(seen, "", person))


async def test_a_server_without_our_kinds_and_one_with_an_appset_that_nobody_can_read() -> None:
    said = told(NotServed("GET /apis/workload.dmall.com/v1beta1/…: not found")).format_message()
    assert said.endswith("is this the meta cluster? `sym crds` prints the kinds that it needs")
    with pytest.raises(Junk, match=r"AppSet default/bbcc cannot be read: \$\.spec"):
        await look(_desk(Answering(b'{"metadata": {"name": "bbcc"}, "spec": 7}')))


async def test_a_watch_that_is_not_allowed_ends(site: Site) -> None:
    await site.put(waiting())
    script = Script()
    script.add(lambda request: not request.path.endswith("/bbcc"), Refuse(403), times=100)
    desk = _desk(FaultyClient(site.cluster.client(JANE), script, KubeSettings()))
    with pytest.raises(Forbidden):
        await waited(desk, "", wait=True, seconds=60, env=SystemEnv())
    await desk.api.aclose()


# --- what a call costs


@pytest.mark.parametrize("module", ["ask", "edit", "show"])
def test_what_does_not_watch_loads_no_aiohttp(module: str) -> None:
    loaded = modules_after(f"import sym.cli.rollout_{module}, sym.kube.oneshot, sym.kube.kubeconfig")
    assert loaded & {"aiohttp", "rich", "structlog", "cryptography"} == set()


def _desk(client: Client) -> Desk:
    return Desk(api=Api(client, ""), namespace="default", name="bbcc")
