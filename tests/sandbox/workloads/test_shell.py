"""The echo shell: programs, scripts, terminals."""

import asyncio
from collections.abc import Sequence

import pytest

from sym.sandbox.workloads.shell import Box, Input, Shell, Size

pytestmark = pytest.mark.anyio
BOX = Box("web-1", {"PATH": "/bin", "SYM_ZONE": "bj4"}, {"/etc/hostname": "web-1\n", "/etc/os-release": "ID=sym\n"})


class Screen:
    """What a shell wrote, by channel."""

    def __init__(self) -> None:
        self.out = b""
        self.err = b""

    async def write(self, channel: int, data: bytes) -> None:
        if channel == 1:
            self.out += data
        else:
            self.err += data


async def run(*argv: str, given: Sequence[bytes] = (), tty: bool = False) -> tuple[int, str, str]:
    """Run one program with that input. Returns exit code, stdout, stderr."""
    source, screen = Input(), Screen()
    for chunk in given:
        source.feed(chunk)
    source.feed(b"")
    code = await Shell(BOX, source, screen.write, tty=tty).run(argv)
    return code, screen.out.decode(), screen.err.decode()


@pytest.mark.parametrize(
    ("argv", "out"),
    [
        (["echo", "a", "b"], "a b\n"),
        (["echo", "-n", "a"], "a"),
        (["cat", "/etc/hostname"], "web-1\n"),
        (["printenv", "SYM_ZONE"], "bj4\n"),
        (["env"], "PATH=/bin\nSYM_ZONE=bj4\n"),
        (["hostname"], "web-1\n"),
        (["ls", "/etc"], "hostname\nos-release\n"),
        (["ls", "-l", "/etc/hostname"], "/etc/hostname\n"),
        (["sh", "-c", "echo $SYM_ZONE ${SYM_ZONE}x $NOPE."], "bj4 bj4x .\n"),
        (["sh", "-c", "false || echo no; true && echo yes"], "no\nyes\n"),
        (["sh", "-c", "false && echo no; echo $?"], "1\n"),
        (["/bin/sh", "-c", "echo 'a b'; echo \"c d\""], "a b\nc d\n"),
    ],
)
async def test_programs_that_succeed(argv: list[str], out: str) -> None:
    assert await run(*argv) == (0, out, "")


@pytest.mark.parametrize(
    ("argv", "code", "err"),
    [
        (["exit", "3"], 3, ""),
        (["sh", "-c", "exit 42"], 42, ""),
        (["sh", "-c", "nope"], 127, "sh: nope: not found\n"),
        (["sh", "-c", "echo out >&2; exit 5"], 5, "out\n"),
        (["cat", "/nope"], 1, "cat: /nope: No such file or directory\n"),
        (["ls", "/nope"], 2, "ls: /nope: No such file or directory\n"),
        (["false"], 1, ""),
        (["sleep", "long"], 1, "sleep: invalid time interval: long\n"),
        (["sleep", "nan"], 1, "sleep: invalid time interval: nan\n"),
        (["sh", "-c", "echo a | cat"], 2, "sh: `|` is not simulated in this sandbox\n"),
        (["sh", "-c", "echo 'a"], 2, "sh: syntax error: No closing quotation\n"),
        (["printenv", "NOPE"], 1, ""),
        (["stty", "size"], 1, "stty: standard input: Inappropriate ioctl for device\n"),
    ],
)
async def test_programs_that_fail(argv: list[str], code: int, err: str) -> None:
    got, out, said = await run(*argv)
    assert (got, said) == (code, err)
    assert out == ""


async def test_cat_copies_its_input() -> None:
    assert await run("cat", given=[b"a\n", b"b"]) == (0, "a\nb", "")


async def test_a_shell_reads_lines_from_its_input() -> None:
    assert await run("sh", given=[b"echo a\nec", b"ho b\nexit 7\necho c\n"]) == (7, "a\nb\n", "")


async def test_a_terminal_echoes_erases_and_ends() -> None:
    typed = [b"echo hx\x7fi\r", b"junk\x03", b"\x04"]
    code, out, err = await run("sh", given=typed, tty=True)
    assert (code, err) == (0, "")
    assert out == "/ $ echo hx\b \bi\r\nhi\r\n/ $ junk^C\r\n/ $ "


async def test_sleep_takes_its_time() -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert await run("sleep", "12.5") == (0, "", "")
    assert loop.time() - before == pytest.approx(12.5)


async def test_sizes_are_echoed_until_the_input_ends() -> None:
    source, screen = Input(), Screen()
    for size in (Size(80, 24), Size(120, 40)):
        source.resize(size)
    source.feed(b"")
    shell = Shell(BOX, source, screen.write, tty=False)
    assert await shell.run(["resize"]) == 0
    assert screen.out == b"80x24\n120x40\n"


@pytest.mark.parametrize(("size", "shown"), [(Size(120, 40), b"40 120\r\n"), (None, b"0 0\r\n")])
async def test_a_terminal_knows_its_size_even_when_it_is_told_a_little_later(size: Size | None, shown: bytes) -> None:
    source, screen = Input(), Screen()

    async def tell() -> None:
        await asyncio.sleep(0.2)
        if size is not None:
            source.resize(size)

    async with asyncio.TaskGroup() as group:
        group.create_task(tell())
        assert await Shell(BOX, source, screen.write, tty=True).run(["stty", "size"]) == 0
    assert screen.out == shown
