"""The web server around the service: bound to the loopback, and quick to stop although streams are open."""

import asyncio
import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.errors import SettingsError
from api.events import EventStream

GRACE_S = 5


class _Server(uvicorn.Server):
    """Ends the event streams when it is told to stop: uvicorn would wait for their viewers to leave."""

    def __init__(self, config: uvicorn.Config, events: EventStream) -> None:
        super().__init__(config)
        self._events = events
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal, in the middle of whatever the loop is doing."""
        self._loop.call_soon_threadsafe(self._events.close)
        # uvicorn's own method keeps the signal and raises it again at the end: that would kill this process
        # before the simulated rig is ended and the run's record is closed.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `SettingsError` where the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()  # whoever reads the address may come at once: he waits until we are ready
    except OSError as problem:
        listener.close()
        raise SettingsError(
            f"{host} port {port} cannot be had: {problem.strerror}; expected a free port, or 0 for any"
        ) from problem
    return listener


async def serve(app: FastAPI, events: EventStream, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; then end the streams, abort what is running, store it, and return."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="on",
    )
    await _Server(config, events).serve(sockets=[listener])


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
