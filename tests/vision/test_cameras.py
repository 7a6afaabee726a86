"""Cameras give whole frames or say in one sentence what is wrong, against a real server on the loopback."""

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision import cameras
from vision.cameras import DeviceCamera, FolderCamera, HttpCamera, open_camera, pass_over_queued
from vision.errors import CameraError
from vision.frame import Frame
from vision.image_set import ImageSetWriter
from vision.station_file import station_from

Handle = Callable[[http.server.BaseHTTPRequestHandler], None]


def _picture(suffix: str = ".jpg", shade: int = 90) -> bytes:
    pixels = np.full((48, 64, 3), shade, np.uint8)
    pixels[10:20, 5:50] = 255 - shade
    return cv2.imencode(suffix, pixels)[1].tobytes()


def _send(data: bytes, status: int = 200, **headers: str) -> Handle:
    def handle(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response_only(status)
        request.send_header("Content-Length", headers.pop("length", str(len(data))))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return handle


@pytest.fixture
def serve() -> Iterator[Callable[[Handle], str]]:
    """Starts a server that answers every request with one handler; returns the address of its picture."""
    running: list[tuple[http.server.ThreadingHTTPServer, threading.Thread]] = []

    def start(handle: Handle) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                handle(self)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/neck.jpg"

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def refusal(serve: Callable[[Handle], str]) -> Callable[..., str]:
    """The sentence with which a camera that answers like this is refused."""

    def ask(handle: Handle, timeout_s: float = 5.0) -> str:
        camera = HttpCamera(serve(handle), timeout_s)
        try:
            with pytest.raises(CameraError) as caught:
                camera.grab()
        finally:
            camera.close()
        assert "\n" not in str(caught.value)
        assert "http://127.0.0.1" in str(caught.value)
        return str(caught.value)

    return ask


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_snapshot_comes_byte_for_byte(serve: Callable[[Handle], str], suffix: str) -> None:
    """The frame holds exactly the bytes that the camera sent, JPEG or PNG."""
    camera = HttpCamera(serve(_send(_picture(suffix))), 5.0)
    frame = camera.grab()
    camera.close()
    assert _picture(suffix) == frame.data
    assert (48, 64, 3) == frame.image.shape


def test_time_is_the_cameras_where_it_states_one(serve: Callable[[Handle], str]) -> None:
    """Last-Modified comes before Date, and both before the clock of this machine; none of it is invented."""
    stated = {"Last_Modified": "Tue, 24 Nov 2026 02:10:00 GMT", "Date": "Tue, 24 Nov 2026 02:10:07 GMT"}
    expected = {
        "2026-11-24T02:10:00.000Z": stated,
        "2026-11-24T02:10:07.000Z": {"Last_Modified": "yesterday", "Date": stated["Date"]},
    }
    for time_utc, headers in expected.items():
        camera = HttpCamera(serve(_send(_picture(), **headers)), 5.0)
        assert time_utc == camera.grab().taken_utc
        camera.close()
    camera = HttpCamera(serve(_send(_picture())), 5.0)
    assert time.gmtime().tm_year == int(camera.grab().taken_utc[:4])
    camera.close()


def test_an_error_page_is_no_picture(refusal: Callable[..., str]) -> None:
    """A status that is not 200 is named."""
    assert "answered 404 Not Found; expected a picture" in refusal(_send(b"no such camera", 404))


def test_html_is_no_picture(refusal: Callable[..., str]) -> None:
    """A login page, sent with 200, is refused."""
    assert "sent no picture (28 bytes)" in refusal(_send(b"<html><body>login</body></ht"))


def test_nothing_is_no_picture(refusal: Callable[..., str]) -> None:
    """An empty body is refused."""
    assert "sent no picture (0 bytes)" in refusal(_send(b""))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_cut_off_picture_is_refused(refusal: Callable[..., str], suffix: str) -> None:
    """A picture without its end is refused even where a decoder would show the rest as grey."""
    data = _picture(suffix)
    assert "is cut off" in refusal(_send(data[: len(data) * 2 // 3]))


def test_a_damaged_picture_is_refused(refusal: Callable[..., str]) -> None:
    """A JPEG with its first and last bytes but nothing between does not pass as a frame."""
    assert "cannot be decoded" in refusal(_send(b"\xff\xd8\xff" + bytes(500) + b"\xff\xd9"))


def test_a_connection_that_breaks_off_is_named(refusal: Callable[..., str]) -> None:
    """Fewer bytes than announced are a broken connection."""
    assert "broke off" in refusal(_send(_picture()[:300], length="90000"))


def test_a_refused_connection_is_named() -> None:
    """Nobody listens: one sentence with the address."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        port = server.server_address[1]
    camera = HttpCamera(f"http://127.0.0.1:{port}/neck.jpg", 1.0)
    with pytest.raises(CameraError, match=f"127.0.0.1:{port}/neck.jpg: does not answer: .*refused"):
        camera.grab()
    camera.close()


def test_a_silent_camera_is_late(refusal: Callable[..., str]) -> None:
    """A camera that says nothing is given up after its limit."""
    assert "no whole picture within 0.2 s" in refusal(lambda _: time.sleep(0.6), 0.2)


def test_a_dribbling_camera_is_late(refusal: Callable[..., str]) -> None:
    """The limit is for the whole frame: a byte now and then does not extend it."""

    def dribble(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response_only(200)
        request.end_headers()
        for byte in _picture()[:12]:
            try:
                request.wfile.write(bytes([byte]))
            except OSError:  # the camera under test has hung up, as it should
                return
            time.sleep(0.1)

    assert "no whole picture within 0.3 s" in refusal(dribble, 0.3)


def test_a_flood_is_stopped(refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A body without end does not fill the memory."""
    monkeypatch.setattr(cameras, "SIZE_LIMIT_BYTES", 1 << 20)
    assert "sends more than 1 MiB" in refusal(_send(bytes(2 << 20)))


def test_a_stream_is_sent_to_the_other_driver(refusal: Callable[..., str]) -> None:
    """Motion JPEG under a snapshot's address is recognised, and the way out is said."""
    handle = _send(b"--frame", Content_Type="multipart/x-mixed-replace; boundary=frame")
    assert 'driver = "device"' in refusal(handle)


def test_a_password_is_not_shown() -> None:
    """The address in a message lacks the password that it holds."""
    camera = HttpCamera("http://operator:hunter2@127.0.0.1:1/neck.jpg", 1.0)
    with pytest.raises(CameraError) as caught:
        camera.grab()
    camera.close()
    assert "hunter2" not in str(caught.value)


def test_a_video_file_gives_lossless_frames(tmp_path: Path) -> None:
    """OpenCV's frames come as PNG with the pixels that were decoded; after the last there is an error."""
    path = tmp_path / "three.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 10, (64, 48))
    if not writer.isOpened():
        pytest.fail("this OpenCV writes no FFV1 video")
    for shade in (0, 80, 160):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    camera = DeviceCamera(str(path), 5.0)
    frames = [camera.grab() for _ in range(3)]
    assert [0, 80, 160] == [int(frame.image[24, 32, 1]) for frame in frames]
    assert all(frame.data.startswith(b"\x89PNG") for frame in frames)
    with pytest.raises(CameraError, match="sends no more frames"):
        camera.grab()
    camera.close()


@pytest.mark.parametrize("address", ["97", "missing.avi", "rtsp://127.0.0.1:1/neck"])
def test_a_device_that_is_not_there_is_named(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A device, file or stream that cannot be opened is one exception, and nothing is printed."""
    with pytest.raises(CameraError, match="cannot be opened"):
        DeviceCamera(address, 1.0)
    assert ("", "") == capfd.readouterr()


def test_queued_frames_are_passed_over() -> None:
    """Frames that waited in the driver are dropped, and the one that was exposed half before the call."""
    durations = iter([0.0001, 0.0001, 0.0001, 0.03, 0.03])
    now = [0.0]

    def grab() -> bool:
        now[0] += next(durations)
        return True

    assert 4 == pass_over_queued(grab, lambda: now[0])


def test_a_source_that_never_waits_is_not_drained_for_ever() -> None:
    """A driver without a queue's end is given up after a fixed number of frames, a broken one at once."""
    assert cameras.STALE_GRABS_MAX == pass_over_queued(lambda: True, lambda: 0.0)
    assert 1 == pass_over_queued(lambda: False, lambda: 0.0)


def test_a_folder_of_pictures_plays_by_name(tmp_path: Path) -> None:
    """Pictures without a manifest come in the order of their names, then the camera ends."""
    for name, shade in (("b.jpg", 200), ("a.jpg", 20), ("c.txt", 0)):
        (tmp_path / name).write_bytes(_picture(shade=shade))
    camera = FolderCamera(tmp_path)
    assert [_picture(shade=20), _picture(shade=200)] == [camera.grab().data, camera.grab().data]
    with pytest.raises(CameraError, match="holds no more frames"):
        camera.grab()


def test_a_set_plays_by_its_manifest(tmp_path: Path) -> None:
    """A recorded set plays in the order of its manifest with its times, each picture once."""
    writer = ImageSetWriter(tmp_path)
    dial, glass = {"kind": "dial"}, {"kind": "sight-glass", "scale": {"unit": "mL", "division": 1}}
    for shade in (200, 20):
        frame = Frame(_picture(shade=shade), "neck", f"2026-11-24T02:10:00.{shade:03d}Z")
        writer.keep(frame, glass)
        writer.keep(frame, dial)
    camera = FolderCamera(tmp_path)
    played = [camera.grab(), camera.grab()]
    assert [_picture(shade=200), _picture(shade=20)] == [frame.data for frame in played]
    assert "2026-11-24T02:10:00.200Z" == played[0].taken_utc
    with pytest.raises(CameraError, match="holds no more frames"):
        camera.grab()
    camera.close()


def test_a_broken_picture_in_a_folder_is_named(tmp_path: Path) -> None:
    """A picture that cannot be decoded is an error with its name, and the next one is still played."""
    (tmp_path / "1.jpg").write_bytes(b"nothing")
    (tmp_path / "2.jpg").write_bytes(_picture())
    camera = FolderCamera(tmp_path)
    with pytest.raises(CameraError, match=r"1\.jpg: sent no picture"):
        camera.grab()
    assert _picture() == camera.grab().data


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    """An empty or missing folder is an error when the camera is opened."""
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(CameraError, match=str(folder)):
            FolderCamera(folder)


def test_a_broken_manifest_is_a_broken_camera(tmp_path: Path) -> None:
    """A manifest line that is no entry comes out as this room's camera error."""
    (tmp_path / "manifest.jsonl").write_text("{\n")
    with pytest.raises(CameraError, match="line 1"):
        FolderCamera(tmp_path).grab()


def test_settings_choose_the_driver(tmp_path: Path) -> None:
    """A station's settings open the camera that their driver names."""
    (tmp_path / "a.png").write_bytes(_picture(".png"))
    station = station_from(
        {
            "name": "bench",
            "cameras": {
                "web": {"driver": "http", "address": "http://127.0.0.1:1/a.jpg"},
                "files": {"driver": "folder", "address": str(tmp_path)},
            },
            "instruments": {
                "neck": {"camera": "web", "kind": "sight-glass", "scale": {"unit": "mL", "division": 1}}
            },
        }
    )
    opened = {name: open_camera(settings) for name, settings in station.cameras.items()}
    assert {"web": HttpCamera, "files": FolderCamera} == {
        name: type(camera) for name, camera in opened.items()
    }
    for camera in opened.values():
        camera.close()
