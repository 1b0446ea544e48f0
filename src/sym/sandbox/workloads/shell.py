"""The shell of the simulated containers: a handful of commands inside this process. No real process is ever started.

`Shell.run` takes an argv as exec gives it; `sh -c` understands `;`, `&&`, `||`, `$NAME`, `$?` and `>&2`, and says what
it does not understand. An interactive `sh` reads lines; on a terminal it echoes what is typed, as a terminal does.
"""

import asyncio
import contextlib
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

Command: TypeAlias = "Callable[[Shell, Sequence[str]], Awaitable[int]]"
_FILES = ("bin", "dev", "etc", "proc", "tmp", "usr", "var")
_NOT_FOUND, _MISUSED = 127, 2
_FIRST_SIZE = 1.0  # seconds; a client tells its terminal's size right after it has come in


class Size(NamedTuple):
    """A terminal's size."""

    width: int
    height: int


class Box(NamedTuple):
    """The container around the shell."""

    hostname: str
    env: Mapping[str, str]
    files: Mapping[str, str]


class Ended(Exception):
    """`exit` was called. `code` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit {code}")
        self.code = code


class Input:
    """What comes from the client: bytes until the end, and sizes of its terminal."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._sizes: asyncio.Queue[Size | None] = asyncio.Queue()
        self._rest = b""
        self._ended = False
        self.size: Size | None = None

    def feed(self, data: bytes) -> None:
        """More input; empty bytes are the end."""
        self._chunks.put_nowait(data)
        if not data:
            self._sizes.put_nowait(None)

    def resize(self, size: Size) -> None:
        """The client's terminal has another size now."""
        self.size = size
        self._sizes.put_nowait(size)

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        if self._ended:
            return b""
        data = await self._chunks.get()
        self._ended = not data
        return data

    async def next_size(self) -> Size | None:
        """The next size; None at the end of the input."""
        return await self._sizes.get()

    def unread(self, data: bytes) -> None:
        """Put back what was read too far."""
        self._rest = data + self._rest


class Shell:
    """One exec session."""

    def __init__(self, box: Box, source: Input, write: Callable[[int, bytes], Awaitable[None]], *, tty: bool) -> None:
        self._box = box
        self._source = source
        self._write = write
        self._tty = tty
        self._last = 0
        self._to_stderr = False

    def knows(self, program: str) -> bool:
        """Whether there is such a program."""
        return program.rpartition("/")[2] in COMMANDS

    async def run(self, argv: Sequence[str]) -> int:
        """Run one program to its end. Returns its exit code."""
        try:
            return await self._call(argv)
        except Ended as end:
            return end.code

    async def _call(self, argv: Sequence[str]) -> int:
        name = argv[0].rpartition("/")[2]
        command = COMMANDS.get(name)
        if command is None:
            await self.err(f"sh: {argv[0]}: not found\n")
            return _NOT_FOUND
        return await command(self, argv[1:])

    async def out(self, text: str | bytes) -> None:
        """Write to stdout, or to where `>&2` sends it."""
        await self._put(2 if self._to_stderr else 1, text)

    async def err(self, text: str) -> None:
        """Write to stderr."""
        await self._put(2, text)

    async def _put(self, channel: int, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        if self._tty:
            channel, data = 1, data.replace(b"\n", b"\r\n")
        await self._write(channel, data)

    # the commands

    async def echo(self, args: Sequence[str]) -> int:
        """echo [-n] WORD..."""
        bare = args[:1] == ["-n"] or args[:1] == ("-n",)
        await self.out(" ".join(args[1:] if bare else args) + ("" if bare else "\n"))
        return 0

    async def cat(self, args: Sequence[str]) -> int:
        """cat [FILE]...: files of the box, or the input."""
        code = 0
        for name in args or ("-",):
            if name == "-":
                while data := await self._source.read():
                    await self.out(data)
            elif name in self._box.files:
                await self.out(self._box.files[name])
            else:
                await self.err(f"cat: {name}: No such file or directory\n")
                code = 1
        return code

    async def env(self, args: Sequence[str]) -> int:
        """env, printenv [NAME]"""
        if args:
            value = self._box.env.get(args[0])
            await self.out(f"{value}\n" if value is not None else "")
            return 0 if value is not None else 1
        await self.out("".join(f"{key}={value}\n" for key, value in self._box.env.items()))
        return 0

    async def ls(self, args: Sequence[str]) -> int:
        """ls [FILE]..."""
        names = [name for name in args if not name.startswith("-")] or ["/"]
        code = 0
        for name in names:
            inside = self._inside(name.rstrip("/"))
            if name.strip("/.") == "":
                await self.out("\n".join(_FILES) + "\n")
            elif name in self._box.files:
                await self.out(f"{name}\n")
            elif inside or name.strip("/") in _FILES:
                await self.out("".join(f"{found}\n" for found in sorted(inside)))
            else:
                await self.err(f"ls: {name}: No such file or directory\n")
                code = _MISUSED
        return code

    def _inside(self, folder: str) -> list[str]:
        parts = (path.rpartition("/") for path in self._box.files)
        return [name for parent, _, name in parts if parent == folder]

    async def hostname(self, _args: Sequence[str]) -> int:
        """hostname"""
        await self.out(f"{self._box.hostname}\n")
        return 0

    async def sleep(self, args: Sequence[str]) -> int:
        """sleep SECONDS, real ones"""
        try:
            seconds = float(args[0].removesuffix("s")) if args else -1.0
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < float("inf"):
            await self.err(f"sleep: invalid time interval: {' '.join(args)}\n")
            return 1
        await asyncio.sleep(seconds)
        return 0

    async def exit(self, args: Sequence[str]) -> int:
        """exit [CODE]"""
        raise Ended(int(args[0]) & 255 if args and args[0].isdecimal() else self._last)

    async def size(self, args: Sequence[str]) -> int:
        """stty size: rows and columns"""
        if list(args) != ["size"] or not self._tty:
            await self.err("stty: standard input: Inappropriate ioctl for device\n")
            return 1
        if self._source.size is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_SIZE):
                    await self._source.next_size()
        size = self._source.size or Size(0, 0)  # as a terminal that was never told
        await self.out(f"{size.height} {size.width}\n")
        return 0

    async def resize(self, _args: Sequence[str]) -> int:
        """resize: each size of the terminal as `WIDTHxHEIGHT`, until the input ends"""
        while (size := await self._source.next_size()) is not None:
            await self.out(f"{size.width}x{size.height}\n")
        return 0

    async def true(self, _args: Sequence[str]) -> int:
        """true"""
        return 0

    async def false(self, _args: Sequence[str]) -> int:
        """false"""
        return 1

    async def sh(self, args: Sequence[str]) -> int:
        """sh [-c TEXT]"""
        if args and args[0].startswith("-") and "c" in args[0]:
            return await self._script(args[1] if len(args) > 1 else "")
        while True:
            if self._tty:
                await self.out("/ $ ")
            line = await self._line()
            if line is None:
                return self._last
            await self._script(line)

    async def _script(self, text: str) -> int:
        try:
            lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>()")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError as error:
            await self.err(f"sh: syntax error: {error}\n")
            return _MISUSED
        pending: list[str] = []
        skip = False
        for word in [*words, ";"]:
            if word not in (";", "&&", "||"):
                pending.append(word)
                continue
            if pending and not skip:
                self._last = await self._simple(pending)
            pending = []
            skip = (word == "&&" and self._last != 0) or (word == "||" and self._last == 0)
        return self._last

    async def _simple(self, words: list[str]) -> int:
        self._to_stderr = words[-2:] == [">&", "2"]
        plain = words[:-2] if self._to_stderr else words
        if bad := [word for word in plain if word and set(word) <= set("&|<>()")]:
            await self.err(f"sh: `{bad[0]}` is not simulated in this sandbox\n")
            return _MISUSED
        try:
            return await self._call([self._expanded(word) for word in plain])
        finally:
            self._to_stderr = False

    def _expanded(self, word: str) -> str:
        head, *parts = word.replace("$?", str(self._last)).split("$")
        for part in parts:
            name = "".join(_leading_name(part.removeprefix("{")))
            rest = part.removeprefix("{")[len(name) :]
            rest = rest.removeprefix("}") if part.startswith("{") else rest
            head += self._box.env.get(name, "") + rest if name else "$" + part
        return head

    async def _line(self) -> str | None:
        """One line of input; on a terminal with echo, erase and the control keys. None at the end."""
        typed = bytearray()
        while data := await self._source.read():
            for at, byte in enumerate(data):
                if byte in b"\r\n":
                    self._source.unread(data[at + 1 :])
                    await self._echo(b"\n")
                    return typed.decode(errors="replace")
                if self._tty and byte == 4 and not typed:
                    return None
                await self._key(byte, typed)
        return typed.decode(errors="replace") if typed else None

    async def _key(self, byte: int, typed: bytearray) -> None:
        if not self._tty:
            typed.append(byte)
        elif byte == 3:
            typed.clear()
            await self._echo(b"^C\n/ $ ")
        elif byte in (8, 127):
            if typed:
                typed.pop()
                await self._echo(b"\b \b")
        elif byte >= 32:
            typed.append(byte)
            await self._echo(bytes((byte,)))

    async def _echo(self, data: bytes) -> None:
        if self._tty:
            await self._put(1, data)


def _leading_name(text: str) -> list[str]:
    found: list[str] = []
    for char in text:
        if not (char.isalnum() or char == "_"):
            break
        found.append(char)
    return found


COMMANDS: Mapping[str, Command] = {
    "echo": Shell.echo,
    "cat": Shell.cat,
    "env": Shell.env,
    "printenv": Shell.env,
    "ls": Shell.ls,
    "hostname": Shell.hostname,
    "sleep": Shell.sleep,
    "exit": Shell.exit,
    "stty": Shell.size,
    "resize": Shell.resize,
    "true": Shell.true,
    "false": Shell.false,
    "sh": Shell.sh,
    "bash": Shell.sh,
}
"""The programs of a simulated container. `exit` is a program here, so that `exec POD -- exit 3` shows an exit code."""
