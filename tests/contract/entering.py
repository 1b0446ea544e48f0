"""A container entered over a WebSocket, from the client's end: what was sent, and what each channel said to the end."""

import aiohttp

from sym.model.codec import JSON, JSONMap
from tests.contract.steps import Answer, Frame, decoded

_CHANNELS = {1: "stdout", 2: "stderr", 3: "end"}
_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "c3ltLWNvbnRyYWN0LXRlc3Q=",
}


async def enter(session: aiohttp.ClientSession, url: str, protocol: str, frames: tuple[Frame, ...]) -> Answer:
    """One exec from its upgrade to its end, or what it was refused with."""
    try:
        async with session.ws_connect(url, protocols=[protocol]) as socket:
            for frame in frames:
                await socket.send_bytes(bytes((frame.channel,)) + frame.data)
            return Answer(status=101, body={"protocol": socket.protocol, **await _told(socket)})
    except aiohttp.WSServerHandshakeError:  # it does not tell the body: ask once more, as plainly as can be
        headers = {**_UPGRADE, "Sec-WebSocket-Protocol": protocol}
        async with session.get(url, headers=headers) as answer:
            return Answer(status=answer.status, body=decoded(await answer.read()))


async def _told(socket: aiohttp.ClientWebSocketResponse) -> JSONMap:
    said = dict.fromkeys(_CHANNELS.values(), b"")
    async for message in socket:
        assert isinstance(message.data, bytes), message
        said[_CHANNELS[message.data[0]]] += message.data[1:]
    found: dict[str, JSON] = {name: text.decode() for name, text in said.items()}
    return {**found, "end": decoded(said["end"])}
