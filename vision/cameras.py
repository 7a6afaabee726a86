"""Cameras: an IP camera's snapshot, a device or stream through OpenCV, a folder of recorded frames."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import cv2
import httpx2

from vision.errors import CameraError, FrameError, ImageSetError
from vision.frame import Frame
from vision.image_set import ImageSet, is_image_set, pictures_in, read_frame, suffix_of
from vision.station_file import CameraSettings, Driver

SIZE_LIMIT_BYTES = 64 * 1024 * 1024  # a lossless frame of 20 megapixels; more is no snapshot
STALE_GRABS_MAX = 60  # frames that a driver may have queued since the last look
STALE_GRAB_S = 0.004  # a queued frame is handed out faster than this, a fresh one has to be waited for

# FFmpeg would print what comes back as an exception; OpenCV looks at this once, when it first opens a file
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class Camera(Protocol):
    """A source of frames. `grab` blocks until one is there: asynchronous code calls it in a thread."""

    def grab(self) -> Frame:
        """One fresh frame, whole and decodable. Raises `CameraError` in one sentence otherwise."""
        ...

    def close(self) -> None:
        """Let go of the connection or device; a closed camera is not used again."""
        ...


def open_camera(settings: CameraSettings) -> Camera:
    """The camera that a station's settings describe. Raises `CameraError` where it cannot be opened."""
    match settings.driver:
        case Driver.HTTP:
            return HttpCamera(settings.address, settings.timeout_s)
        case Driver.DEVICE:
            return DeviceCamera(settings.address, settings.timeout_s)
        case Driver.FOLDER:
            return FolderCamera(Path(settings.address))


class HttpCamera:
    """An IP camera that serves its newest frame, JPEG or PNG, at an address of its own."""

    def __init__(self, address: str, timeout_s: float) -> None:
        """Nothing is asked of the camera yet. `timeout_s` limits a whole frame, to its last byte."""
        self._address = address
        self._shown = _without_password(address)
        self._timeout_s = timeout_s
        # a camera is a neighbour on the bench's network: proxies from the environment are for the web
        self._client = httpx2.Client(timeout=timeout_s, trust_env=False)

    def grab(self) -> Frame:
        """The newest frame; `taken_utc` is the camera's Last-Modified or Date, else the time of arrival."""
        started = time.monotonic()
        try:
            with self._client.stream("GET", self._address, headers={"Cache-Control": "no-cache"}) as response:
                if response.status_code != httpx2.codes.OK:
                    raise CameraError(
                        f"{self._shown}: answered {response.status_code} {response.reason_phrase}; "
                        "expected a picture"
                    )
                content = response.headers.get("content-type", "")
                if content.startswith("multipart/"):
                    raise CameraError(
                        f"{self._shown}: is a stream ({content.split(';')[0]}); expected one picture "
                        '(a stream is read with driver = "device")'
                    )
                data = self._body(response, started)
                taken_utc = _taken_utc(response.headers)
        except httpx2.TimeoutException as error:
            raise self._late() from error
        except (httpx2.ConnectError, httpx2.InvalidURL) as error:
            raise CameraError(f"{self._shown}: does not answer: {_reason(error)}") from error
        except httpx2.HTTPError as error:
            raise CameraError(f"{self._shown}: broke off: {_reason(error)}") from error
        return _whole(Frame(data, self._shown, taken_utc))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _body(self, response: httpx2.Response, started: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > SIZE_LIMIT_BYTES:
                raise CameraError(
                    f"{self._shown}: sends more than {SIZE_LIMIT_BYTES >> 20} MiB; expected a picture"
                )
            if (
                time.monotonic() - started > self._timeout_s
            ):  # the client's own limit starts again with each packet
                raise self._late()
        return b"".join(parts)

    def _late(self) -> CameraError:
        return CameraError(f"{self._shown}: sent no whole picture within {self._timeout_s:g} s")


class DeviceCamera:
    """A local camera by its number or path, or a stream (rtsp://…), through OpenCV.

    Its frames have no file of their own: they are kept as PNG, without loss.
    """

    def __init__(self, address: str, timeout_s: float) -> None:
        """Open the device. Raises `CameraError` where there is none, or it cannot be opened in time."""
        self._shown = _without_password(address)
        self._live = address.isdigit() or "://" in address or address.startswith("/dev/")
        with _quiet_opencv():
            self._capture = self._open(address, max(1, round(timeout_s * 1000)))
        if not self._capture.isOpened():
            raise CameraError(f"{self._shown}: cannot be opened; expected a camera, a stream or a video file")
        if self._live:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    @staticmethod
    def _open(address: str, limit_ms: int) -> cv2.VideoCapture:
        if address.isdigit():
            return cv2.VideoCapture(int(address))
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened() and "://" not in address:  # a device's path is for another backend
            capture = cv2.VideoCapture(address)
        return capture

    def grab(self) -> Frame:
        """The next frame; of a live camera the newest: what waited in the driver's queue is passed over."""
        if self._live:
            pass_over_queued(self._capture.grab)
        there, pixels = self._capture.read()
        if not there or pixels is None:
            raise CameraError(f"{self._shown}: sends no more frames")
        encoded, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not encoded:
            raise CameraError(f"{self._shown}: sent a frame that cannot be kept as PNG")
        return Frame(data.tobytes(), self._shown, _now_utc())

    def close(self) -> None:
        """Release the device."""
        self._capture.release()


class FolderCamera:
    """Recorded frames in order, as if a camera sent them: an image set, or pictures in a folder by name."""

    def __init__(self, folder: Path) -> None:
        """Raises `CameraError` where the folder holds neither a manifest nor pictures."""
        self._shown = str(folder)
        if is_image_set(folder):
            self._frames = _frames_of_set(folder)
        else:
            try:
                paths = pictures_in(folder)
            except ImageSetError as error:
                raise CameraError(str(error)) from error
            self._frames = ((path, str(path), "") for path in paths)

    def grab(self) -> Frame:
        """The next frame. Raises `CameraError` for a broken picture, and after the last one."""
        try:
            following = next(self._frames, None)
            if following is None:
                raise CameraError(f"{self._shown}: holds no more frames")
            return _whole(read_frame(*following))
        except (FrameError, ImageSetError) as error:
            raise CameraError(str(error)) from error

    def close(self) -> None:
        """Forget the frames that were not fetched."""
        self._frames = iter(())


def pass_over_queued(grab: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> int:
    """Drop the frames that a driver queued while nobody looked; returns how many were dropped.

    A queued frame is handed out at once, a fresh one only when the sensor has it. The first that had to be
    waited for is dropped as well, so that what is read next was exposed after the call.
    """
    for dropped in itertools.count(1):
        before = clock()
        if not grab() or clock() - before > STALE_GRAB_S or dropped == STALE_GRABS_MAX:
            return dropped
    raise AssertionError("unreachable: the count has no end")


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV prints to standard error what comes back as an exception anyway."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _frames_of_set(folder: Path) -> Iterator[tuple[Path, str, str]]:
    seen: set[str] = set()
    for entry in ImageSet(folder):
        if entry.image not in seen:  # a picture of several instruments stands in several lines
            seen.add(entry.image)
            yield entry.path, str(entry.path), entry.taken_utc


def _whole(frame: Frame) -> Frame:
    """The frame, if it is a complete picture that decodes; a camera that hangs up early is not hidden."""
    kind = suffix_of(frame.data)
    size = f"{len(frame.data)} bytes"
    if not kind:
        raise CameraError(f"{frame.source}: sent no picture ({size}); expected JPEG or PNG")
    ending = b"\xff\xd9" if kind == "jpg" else b"IEND"
    if ending not in frame.data[-4096:]:  # some cameras append a few bytes of their own
        raise CameraError(f"{frame.source}: the picture is cut off ({size}); expected a whole JPEG or PNG")
    try:
        _ = frame.image
    except (FrameError, cv2.error) as error:
        raise CameraError(f"{frame.source}: the picture cannot be decoded ({size})") from error
    return frame


def _taken_utc(headers: httpx2.Headers) -> str:
    for name in ("last-modified", "date"):
        if stated := headers.get(name):
            try:
                return _iso(parsedate_to_datetime(stated))
            except ValueError:
                continue  # a date that is none: the next best source
    return _now_utc()


def _now_utc() -> str:
    return _iso(datetime.now(UTC))


def _iso(moment: datetime) -> str:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    if "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
