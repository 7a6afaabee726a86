"""The twin's HTTP side: cameras that answer snapshots as IP cameras do, and the hands at the bench.

`GET` on a camera's path of the station file (`/cameras/neck.jpg`) answers a JPEG of this moment. `POST`
stands for what a person or a fate does to the bench, in simulation only:

- `/simulation/door?open=1`
- `/simulation/emergency-stop?pressed=1`
- `/simulation/camera?state=ok|dead|black|frozen|late`, of the neck, or of the camera that `name=` names
- `/simulation/display?point=0|1`: the decimal point of every display breaks, or comes back
- `/simulation/faults?fault=NAME&…`: something goes wrong, with its parameters, for `for_s=` seconds of the
  rig's clock or until it is mended; `GET` lists what there is and what is wrong at the moment
- `/simulation/faults/mend?number=N`, or without a number everything
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from control.errors import ConfigurationError
from control.simulator.camera_state import CameraState, SimulatedCamera
from control.simulator.camera_view import NeckView
from control.simulator.configuration import CameraFigures
from control.simulator.fault_board import FaultBoard
from control.simulator.faults import Number, catalogue, describe_fault
from control.simulator.gauge_cameras import GaugeCamera
from control.simulator.plant import Plant
from control.simulator.server import HOST

NECK = "neck"
FAULTS = "/simulation/faults"
LASTING = Number(0.1, 1e6, 1.0)  # s of the rig's clock
MOST_BODY = 4096  # bytes; a request's meaning stands in its address


class NeckCamera:
    """The camera at the neck of one plant. Frames may be asked for from several threads."""

    def __init__(self, figures: CameraFigures, plant: Plant) -> None:
        self.state = CameraState.OK
        self.late_s = 0.0
        self.name = NECK
        self.path = figures.path
        self._plant = plant
        self._figures = figures
        self._lock = threading.Lock()

    @cached_property
    def _view(self) -> NeckView:
        truth = self._plant.truth
        return NeckView(
            self._figures,
            contact_deg=truth.contact_angle_deg,
            card_gap_mm=truth.card_gap_mm,
            roll_deg=truth.camera_roll_deg,
            aim_mm=truth.camera_aim_mm,
            seed=truth.seed,
        )

    def warm_up(self) -> None:
        """Trace what stands still (about a second), which else the first picture would have to wait for."""
        self.snapshot()

    def snapshot(self) -> bytes:
        """A JPEG of the glass as it is now."""
        with self._lock:
            # Looked at after the wait for the lock: a picture shows the moment in which it is taken.
            level_mm = self._plant.vessel.seen_level_mm
            if self.state is CameraState.BLACK:
                picture = self._view.black_frame()
            else:
                picture = self._view.frame(level_mm)
            return self._view.jpeg(picture)


class BenchServer:
    """Serves the cameras and the hands at the bench on the loopback, in threads of its own."""

    def __init__(
        self, cameras: Sequence[SimulatedCamera], plant: Plant, port: int, faults: FaultBoard | None = None
    ) -> None:
        """Take the port. Raises `ConfigurationError` where it cannot be had, or two cameras share a path."""
        by_path = {camera.path: camera for camera in cameras}
        if len(by_path) < len(cameras):
            raise ConfigurationError(
                "two cameras of the station have the same address; expected a path for each, and instruments "
                "of one camera told apart by their region"
            )
        handler = type(
            "Handler", (_Handler,), {"cameras": by_path, "plant": plant, "faults": faults, "last": {}}
        )
        try:
            self._server = _Server((HOST, port), handler)
        except OSError as error:
            raise ConfigurationError(
                f"port {port} of {HOST} cannot be opened for the camera; expected a free port, or 0 for any"
            ) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and close the port; returns once the thread has ended."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that goes away in the middle of an answer is no fault of ours: no traceback."""


class _Handler(BaseHTTPRequestHandler):
    cameras: ClassVar[Mapping[str, SimulatedCamera]]  # by path
    plant: ClassVar[Plant]
    faults: ClassVar[FaultBoard | None]
    last: ClassVar[dict[str, tuple[bytes, str]]]  # by path: the picture sent last, and when it was taken
    protocol_version = "HTTP/1.1"
    server_version = "tankcal-twin"
    timeout = 30.0

    def do_GET(self) -> None:
        """A snapshot, the faults, or 404."""
        path = urlsplit(self.path).path
        camera = self.cameras.get(path)
        if path == FAULTS and self.faults is not None:
            self._say(HTTPStatus.OK, {"faults": catalogue(), "active": self.faults.active()})
        elif camera is None:
            self._say(HTTPStatus.NOT_FOUND, {"error": f"expected {', '.join(self.cameras)}"})
        elif camera.state is CameraState.DEAD:
            self.close_connection = True  # a camera without power says nothing at all
        else:
            data, taken = self._picture(path, camera)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Last-Modified", taken)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(data)

    def do_POST(self) -> None:
        """One of the hands at the bench, or 404; 400 names what was expected."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MOST_BODY:
            self.close_connection = True
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "expected no body"})
            return
        self.rfile.read(int(length))
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        try:
            if parts.path == "/simulation/door":
                self.plant.door_closed = not _flag(query, "open")
            elif parts.path == "/simulation/emergency-stop":
                self.plant.emergency_stop = _flag(query, "pressed")
            elif parts.path == "/simulation/camera":
                camera = self._camera_named(query)
                camera.state = CameraState(_word(query, "state", tuple(CameraState)))
            elif parts.path == "/simulation/display":
                self._set_point(_flag(query, "point"))
            elif parts.path in (FAULTS, f"{FAULTS}/mend") and self.faults is not None:
                self._change_faults(
                    self.faults, parts.path, {key: values[-1] for key, values in query.items()}
                )
            else:
                expected = "expected /simulation/door, emergency-stop, camera, display or faults"
                self._say(HTTPStatus.NOT_FOUND, {"error": expected})
                return
        except ValueError as error:
            self._say(HTTPStatus.BAD_REQUEST, {"error": str(error)})
            return
        self._say(
            HTTPStatus.OK,
            {
                "door_open": not self.plant.door_closed,
                "emergency_stop": self.plant.emergency_stop,
                "cameras": {camera.name: camera.state.value for camera in self.cameras.values()},
                "faults": self.faults.active() if self.faults is not None else [],
            },
        )

    def _picture(self, path: str, camera: SimulatedCamera) -> tuple[bytes, str]:
        if camera.state is CameraState.FROZEN and path in self.last:
            return self.last[path]
        picture = self.last[path] = (camera.snapshot(), formatdate(usegmt=True))
        if camera.state is CameraState.LATE:
            time.sleep(camera.late_s)  # a thread of this request alone
        return picture

    def _change_faults(self, board: FaultBoard, path: str, query: dict[str, str]) -> None:
        if path != FAULTS:
            number = query.get("number")
            if number is None:
                board.end_all()
            elif number.isdecimal():
                board.end(int(number))
            else:
                raise ValueError(f"number: expected the number of an active fault, not {number!r}")
            return
        for_s = LASTING.check(query.pop("for_s")) if "for_s" in query else 0.0
        if for_s is None:
            raise ValueError(f"for_s: expected {LASTING.expected}")
        fault = describe_fault(query.pop("fault", None), query, board.cameras)
        board.begin(fault, float(for_s) or None)

    def _camera_named(self, query: dict[str, list[str]]) -> SimulatedCamera:
        named = {camera.name: camera for camera in self.cameras.values()}
        return named[_word({"name": [NECK], **query}, "name", tuple(named))]

    def _set_point(self, there: bool) -> None:
        for camera in self.cameras.values():
            if isinstance(camera, GaugeCamera):
                for display in camera.displays:
                    display.decimal_point = there

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
        """Standard output is for the one line that says we are ready; requests are not logged."""

    def _say(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _flag(query: dict[str, list[str]], name: str) -> bool:
    return _word(query, name, ("0", "1")) == "1"


def _word(query: dict[str, list[str]], name: str, known: tuple[str, ...]) -> str:
    values = query.get(name, [])
    if len(values) != 1 or values[0] not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}")
    return values[0]
