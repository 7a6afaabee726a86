"""The twin's HTTP side: a camera as IP cameras are, and the hands at the bench."""

import http.client
import json
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from control.simulator.camera_state import CameraState
from control.simulator.cameras import BenchServer, NeckCamera
from control.simulator.configuration import load_twin_configuration
from control.simulator.emptying import make_truth
from control.simulator.plant import Plant

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
CONFIGURATION = load_twin_configuration(
    CONFIGS / "rigs/twin.toml", CONFIGS / "stations/demo.toml", CONFIGS / "measures/demo-20l.toml"
)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[BenchServer, NeckCamera, Plant]]:
    """A camera and its plant, served on a free port."""
    plant = Plant(make_truth(1, CONFIGURATION.measure, CONFIGURATION.standards))
    camera = NeckCamera(CONFIGURATION.camera, plant)
    bench = BenchServer([camera], plant, 0)
    bench.start()
    yield bench, camera, plant
    bench.stop()


@pytest.fixture
def rig(server: tuple[BenchServer, NeckCamera, Plant]) -> Iterator[tuple[int, NeckCamera, Plant]]:
    """The same with everything in order, before and after."""
    bench, camera, plant = server
    yield bench.port, camera, plant
    camera.state, plant.door_closed, plant.emergency_stop = CameraState.OK, True, False


def ask(port: int, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def picture(data: bytes) -> np.ndarray:
    """The pixels of an encoded picture."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(pixels)


def test_a_snapshot_is_a_jpeg_of_the_stations_camera(rig: tuple[int, NeckCamera, Plant]) -> None:
    """GET answers a JPEG of 960 × 1280 with its type, length and time."""
    port, _, _ = rig
    status, headers, data = ask(port, "GET", "/cameras/neck.jpg")
    assert status == 200
    assert headers["Content-Type"] == "image/jpeg"
    assert int(headers["Content-Length"]) == len(data)
    assert parsedate_to_datetime(headers["Last-Modified"]).tzinfo is not None
    assert data[:2] == b"\xff\xd8"
    assert picture(data).shape == (1280, 960, 3)


def test_the_picture_follows_the_water(rig: tuple[int, NeckCamera, Plant]) -> None:
    """Water let into the neck shows: the tube's lower part, over the card, is dark up to the new level."""
    port, _, plant = rig
    before = picture(ask(port, "GET", "/cameras/neck.jpg")[2])
    plant.vessel.bulk_g = plant.vessel.contained_ml(0.0) * plant.vessel.density_g_ml
    plant.step()
    after = picture(ask(port, "GET", "/cameras/neck.jpg")[2])
    column = 480 - round(7.0 * 10.24)
    assert before[900:1200, column].mean() > 150.0
    assert after[900:1200, column].mean() < 70.0
    assert after[100:500, column].mean() > 150.0


@pytest.mark.parametrize("path", ["/", "/cameras/other.jpg", "/cameras/neck.jpg/x"])
def test_other_paths_are_not_found(rig: tuple[int, NeckCamera, Plant], path: str) -> None:
    """404 for what there is not."""
    assert ask(rig[0], "GET", path)[0] == 404
    assert ask(rig[0], "POST", path)[0] == 404


def test_a_query_as_cameras_take_it_is_ignored(rig: tuple[int, NeckCamera, Plant]) -> None:
    """Clients add a number against caches; the picture comes all the same."""
    assert ask(rig[0], "GET", "/cameras/neck.jpg?t=123")[0] == 200


def test_door_and_emergency_stop_can_be_worked(rig: tuple[int, NeckCamera, Plant]) -> None:
    """POST opens the door, presses the stop, and says how things stand."""
    port, _, plant = rig
    assert json.loads(ask(port, "POST", "/simulation/door?open=1")[2])["door_open"] is True
    assert plant.door_closed is False
    assert json.loads(ask(port, "POST", "/simulation/emergency-stop?pressed=1")[2])["emergency_stop"] is True
    assert plant.emergency_stop is True
    ask(port, "POST", "/simulation/door?open=0")
    ask(port, "POST", "/simulation/emergency-stop?pressed=0")
    assert (plant.door_closed, plant.emergency_stop) == (True, False)


@pytest.mark.parametrize(
    "path",
    [
        "/simulation/door",
        "/simulation/door?open=yes",
        "/simulation/camera?state=tired",
        "/simulation/camera?state=ok&name=cellar",
        "/simulation/display?point=2",
    ],
)
def test_what_cannot_be_understood_changes_nothing(rig: tuple[int, NeckCamera, Plant], path: str) -> None:
    """400 with what was expected."""
    port, camera, plant = rig
    status, _, data = ask(port, "POST", path)
    assert status == 400
    assert "expected one of" in json.loads(data)["error"]
    assert (plant.door_closed, camera.state) == (True, CameraState.OK)


def test_a_body_that_nobody_wants_is_not_read(rig: tuple[int, NeckCamera, Plant]) -> None:
    """A length without measure is refused at once, and nothing changes."""
    port, _, plant = rig
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    connection.putrequest("POST", "/simulation/door?open=1")
    connection.putheader("Content-Length", "999999999")
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert plant.door_closed is True


def test_a_dead_camera_says_nothing_and_comes_back(rig: tuple[int, NeckCamera, Plant]) -> None:
    """Dead: the connection ends without an answer; the bench's hands still work, and bring it back."""
    port, _, _ = rig
    assert ask(port, "POST", "/simulation/camera?state=dead")[0] == 200
    with pytest.raises(http.client.RemoteDisconnected):
        ask(port, "GET", "/cameras/neck.jpg")
    assert ask(port, "POST", "/simulation/camera?state=ok")[0] == 200
    assert ask(port, "GET", "/cameras/neck.jpg")[0] == 200


def test_a_black_camera_sends_black_pictures(rig: tuple[int, NeckCamera, Plant]) -> None:
    """Black: a picture comes, and there is nothing on it."""
    port, _, _ = rig
    ask(port, "POST", "/simulation/camera?state=black")
    status, _, data = ask(port, "GET", "/cameras/neck.jpg")
    assert status == 200
    assert picture(data).mean() < 8.0
