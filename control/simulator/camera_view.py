"""The neck camera's picture of the glass, drawn from the true level."""

from dataclasses import dataclass
from math import atan, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from control.simulator.configuration import CameraFigures
from control.simulator.meniscus import solve_meniscus
from control.simulator.optics import AIR, WATER, Rays, Tube, lens_rays, through_tube
from control.simulator.scene import CARD, FRONT, Hits, Scene, card_edge_mm

Array = NDArray[np.float64]
Picture = NDArray[np.float32]

WIDTH, HEIGHT = 960, 1280
BLUR_PX = 0.75
NOISE = 1.6  # grey levels
QUALITY = 92
_LATERAL, _VERTICAL = 1.25, 1.6  # samples of the traced strip for each pixel
_DENSE = 9.0  # the same in rows around the lowest point, where a hundredth of a millimetre counts
_DENSE_MM = (-0.35, 0.65)  # where these are, from the lowest point
_FINE = 3  # the strip is put together this much finer than the picture
_STRIP_BELOW_MM, _STRIP_ABOVE_MM = 1.6, 1.6  # of the lowest point; of the water's edge at the wall
_TINT_GLASS = np.array([0.985, 1.0, 0.975], np.float32)
_TINT_PLATE = np.array([0.99, 1.0, 1.0], np.float32)


@dataclass(frozen=True)
class Pose:
    """Where the camera looks: rotation of its axes against the tube's frame, `axes` (3, 3) rows right, down,
    ahead; the lens stands at (0, −distance, height)."""

    axes: Array

    @classmethod
    def aimed(cls, camera: CameraFigures, aim_mm: tuple[float, float], roll_deg: float) -> "Pose":
        """Aimed at (x, z) in the plane of the tube's axis, turned clockwise by `roll_deg`."""
        yaw = atan(aim_mm[0] / camera.distance_mm)
        pitch = atan((aim_mm[1] - camera.height_mm) * cos(yaw) / camera.distance_mm)
        ahead = np.array([sin(yaw) * cos(pitch), cos(yaw) * cos(pitch), sin(pitch)])
        level = np.array([cos(yaw), -sin(yaw), 0.0])
        down = np.cross(ahead, level)
        roll = radians(roll_deg)
        right = cos(roll) * level + sin(roll) * down
        return cls(np.array([right, np.cross(ahead, right), ahead]))


@dataclass(frozen=True)
class _Filled:
    """One filling of the glass in the window, in arrays of the window's shape.

    The light from `behind` without the card, the height at which the ray meets the card's plane, the `change`
    that the card makes there (negative), and what is mirrored on the near side.
    """

    behind: Picture
    card_z_mm: Picture
    change: Picture
    glare: Picture

    def shade(self, edge_mm: float, softness_mm: float) -> Picture:
        """Radiance with the card's edge at `edge_mm`, softened over `softness_mm`."""
        covered = np.clip((edge_mm - self.card_z_mm) / softness_mm + 0.5, 0.0, 1.0)
        shaded: Picture = self.glare + self.behind + covered * self.change
        return shaded


class NeckView:
    """Draws frames of one station. Everything but the surface is traced once; a frame traces the strip around
    the surface and puts it into the window of the tube.

    Not for use by two threads at once.
    """

    def __init__(
        self,
        camera: CameraFigures,
        *,
        contact_deg: float,
        card_gap_mm: float,
        roll_deg: float,
        aim_mm: tuple[float, float],
        seed: int,
    ) -> None:
        self.camera = camera
        self.tube = Tube(camera.outer_diameter_mm / 2.0, camera.inner_diameter_mm / 2.0)
        self.meniscus = solve_meniscus(self.tube.inner_mm, contact_deg)
        self.scene = Scene(camera, card_gap_mm)
        self.pose = Pose.aimed(camera, aim_mm, roll_deg)
        self._per_mm = camera.matrix[0][0] / camera.distance_mm
        self._edge_u = self.tube.outer_mm / (camera.distance_mm**2 - self.tube.outer_mm**2) ** 0.5
        u, v = self._directions()
        background, glass_tint = self._background(u, v)
        shade = self._vignette()
        # The window: all columns that the tube or the card can be seen in.
        half = self.scene.card_half_mm / (camera.distance_mm + self.scene.card_y_mm)
        columns = np.flatnonzero(np.any(np.abs(u) < max(half, self._edge_u), axis=0))
        margin = 4
        self.left, self._right = max(columns[0] - margin, 0), min(columns[-1] + margin + 1, WIDTH)
        window = (slice(None), slice(self.left, self._right))
        self._u, self._v = u[window].astype(np.float32), v[window].astype(np.float32)
        self._tint = (glass_tint[window] * shade[window][..., None] * 255.0).astype(np.float32)
        self._in_tube = np.abs(self._u) < self._edge_u
        self._air = self._fill(AIR)
        self._water = self._fill(WATER)
        full = cv2.GaussianBlur(background * glass_tint * shade[..., None] * 255.0, (0, 0), BLUR_PX)
        self._still = np.clip(full, 0.0, 255.0).astype(np.float32)
        random = np.random.default_rng(seed)
        size = (HEIGHT + 64, WIDTH + 64, 3)
        self._noise = np.float32(NOISE) * random.standard_normal(size, dtype=np.float32)
        self._random = random

    # ---- geometry ------------------------------------------------------------------------------------------
    def project(self, x_mm: float, y_mm: float, z_mm: float) -> tuple[float, float]:
        """The pixel (column, row; the first one's centre is 0, 0) in which a place is seen; lengths in mm.

        Only in air: what is seen through the glass is displaced by it.
        """
        camera = self.camera
        place = np.array([x_mm, y_mm + camera.distance_mm, z_mm - camera.height_mm])
        right, down, ahead = self.pose.axes @ place
        points, _ = cv2.projectPoints(
            np.array([[[right, down, ahead]]]),
            np.zeros(3),
            np.zeros(3),
            np.array(camera.matrix),
            np.array(camera.distortion),
        )
        return float(points[0, 0, 0]), float(points[0, 0, 1])

    def _directions(self) -> tuple[Array, Array]:
        """Each pixel's ray as (u, v), its direction (u, 1, v) in the tube's frame: (HEIGHT, WIDTH) each."""
        camera = self.camera
        pixels = np.stack(
            np.meshgrid(np.arange(WIDTH, dtype=np.float64), np.arange(HEIGHT, dtype=np.float64)), axis=-1
        )
        seen = cv2.undistortPoints(
            pixels.reshape(-1, 1, 2), np.array(camera.matrix), np.array(camera.distortion)
        ).reshape(-1, 2)
        world = np.column_stack((seen, np.ones(len(seen)))) @ self.pose.axes
        u, v = world[:, 0] / world[:, 1], world[:, 2] / world[:, 1]
        return u.reshape(HEIGHT, WIDTH), v.reshape(HEIGHT, WIDTH)

    def _straight(self, u: Array, v: Array) -> Hits:
        camera = self.camera
        direction = np.column_stack((u.ravel(), np.ones(u.size), v.ravel()))
        place = np.broadcast_to([0.0, -camera.distance_mm, camera.height_mm], direction.shape)
        return self.scene.hits(place, direction, 1.0 / self._per_mm)

    def _background(self, u: Array, v: Array) -> tuple[Picture, Picture]:
        hits = self._straight(u, v)
        plain = hits.behind.reshape(HEIGHT, WIDTH).astype(np.float32)
        x, z = u * self.camera.distance_mm, v * self.camera.distance_mm + self.camera.height_mm
        scene = self.scene
        near = x * scene.side
        on_plate = (near > scene.plate_near_mm) & (near < scene.plate_far_mm)
        on_plate &= (z > scene.plate_low_mm) & (z < scene.plate_high_mm)
        tint = np.ones((HEIGHT, WIDTH, 3), np.float32)
        tint[np.abs(u) < self._edge_u] = _TINT_GLASS
        tint[on_plate] = _TINT_PLATE
        return np.repeat(plain[..., None], 3, axis=2), tint

    def _vignette(self) -> Picture:
        row = (np.arange(HEIGHT, dtype=np.float32) - HEIGHT / 2.0) / HEIGHT
        column = (np.arange(WIDTH, dtype=np.float32) - WIDTH / 2.0) / HEIGHT
        fallen = 0.10 * (row[:, None] ** 2 + column[None, :] ** 2)
        return np.asarray(1.0 - fallen, np.float32)

    # ---- the glass -----------------------------------------------------------------------------------------
    def _fill(self, inside: float) -> _Filled:
        """The whole window with one filling and no surface."""
        u, v = self._u.astype(np.float64).ravel(), self._v.astype(np.float64).ravel()
        parts = self._look(u, v, inside)
        # At the walls' edges light changes within a pixel: there the mean of three looks across it.
        inner_u = self.tube.inner_mm / self.camera.distance_mm
        step_u = 1.0 / self.camera.matrix[0][0]
        edges = np.minimum(np.abs(np.abs(u) - inner_u), np.abs(np.abs(u) - self._edge_u)) < 1.5 * step_u
        looks = [self._look(u[edges] + part * step_u, v[edges], inside) for part in (-1 / 3, 0.0, 1 / 3)]
        for index, whole in enumerate(parts):
            whole[edges] = np.mean([look[index] for look in looks], axis=0)
        return _Filled(*(part.reshape(self._u.shape).astype(np.float32) for part in parts))

    def _look(self, u: Array, v: Array, inside: float) -> tuple[Array, Array, Array, Array]:
        """The four arrays of a `_Filled`, at rays (u, v) of shape (n,)."""
        hits = self._straight(u, v)
        behind, card_z, glare = hits.behind.copy(), hits.card_z_mm.copy(), np.zeros(len(u))
        change = hits.card_share * (CARD - hits.behind)
        tube = np.flatnonzero(np.abs(u) < self._edge_u)
        exits = through_tube(self._lens(u[tube], v[tube]), self.tube, None, None, inside)
        rays = exits.rays
        seen = self.scene.hits(rays.place, rays.direction, 1.0 / self._per_mm)
        at = tube[rays.pixel]  # without a surface no ray splits: one exit a pixel at most
        behind[tube], change[tube] = 0.0, 0.0
        behind[at] = rays.share * seen.behind
        card_z[at] = seen.card_z_mm
        change[at] = rays.share * seen.card_share * (CARD - seen.behind)
        glare[tube] = FRONT * exits.glare
        return behind, card_z, change, glare

    def _lens(self, u: Array, v: Array) -> Rays:
        return lens_rays(u, v, self.camera.distance_mm, self.camera.height_mm, self.tube)

    def _strip(self, level_mm: float, edge_mm: float) -> tuple[Picture, float, Array]:
        """The surface traced on an upright grid: radiance (rows, columns), u step, v of each row (rows,).

        u is 0 in the middle of the columns. The tube is its own mirror image: one half is traced for both,
        and each looks up its own surroundings.
        """
        camera = self.camera
        step_u = 1.0 / (camera.matrix[0][0] * _LATERAL)
        columns = int(self._edge_u / step_u)
        heights, dense = self._strip_rows(level_mm)
        v_rows = (heights - camera.height_mm) / camera.distance_mm
        u = np.tile((np.arange(columns) + 0.5) * step_u, len(v_rows))
        v = np.repeat(v_rows, columns)
        exits = through_tube(self._lens(u, v), self.tube, level_mm, self.meniscus, WATER)
        rays = exits.rays
        glare = FRONT * exits.glare
        halves = []
        for side in (-1.0, 1.0):
            mirror = np.array([side, 1.0, 1.0])
            hits = self.scene.hits(rays.place * mirror, rays.direction * mirror, 1.0 / self._per_mm)
            light = rays.share * hits.light(edge_mm, 1.0 / self._per_mm)
            total = glare + np.bincount(rays.pixel, weights=light, minlength=len(u))
            halves.append(total.reshape(len(v_rows), columns))
        grid = np.concatenate((halves[0][:, ::-1], halves[1]), axis=1).astype(np.float32)
        # Averaged over a third of a pixel, which is how finely the picture asks for it.
        grid[dense] = cv2.blur(grid[dense], (1, round(_DENSE / _FINE)))
        return grid, step_u, v_rows

    def _strip_rows(self, level_mm: float) -> tuple[Array, slice]:
        """Heights of the strip's rows in the plane of the tube's axis, mm, and which of them lie densely."""
        borders = (
            level_mm - _STRIP_BELOW_MM,
            level_mm + _DENSE_MM[0],
            level_mm + _DENSE_MM[1],
            level_mm + self.meniscus.rise_mm + _STRIP_ABOVE_MM,
        )
        rates = (_VERTICAL, _DENSE, _VERTICAL)
        parts = [
            np.linspace(low, high, max(int((high - low) * self._per_mm * rate), 1), endpoint=False)
            for low, high, rate in zip(borders[:-1], borders[1:], rates, strict=True)
        ]
        first = len(parts[0])
        return np.concatenate(parts), slice(first, first + len(parts[1]))

    def _insert_strip(self, window: Picture, level_mm: float, edge_mm: float) -> None:
        grid, step_u, v_rows = self._strip(level_mm, edge_mm)
        inside = self._in_tube & (self._v > v_rows[0]) & (self._v < v_rows[-1])
        rows = np.flatnonzero(np.any(inside, axis=1))
        if not len(rows):
            return
        part = (slice(rows[0], rows[-1] + 1), slice(None))
        u, v = self._u[part], self._v[part]
        # (u, v) runs so evenly over a few rows that the finer grid may be interpolated from the pixels'.
        size = (u.shape[1] * _FINE, u.shape[0] * _FINE)
        fine_u = cv2.resize(u, size, interpolation=cv2.INTER_LINEAR)
        fine_v = cv2.resize(v, size, interpolation=cv2.INTER_LINEAR)
        map_x = fine_u / np.float32(step_u) + np.float32(grid.shape[1] / 2.0 - 0.5)
        map_y = np.interp(fine_v, v_rows, np.arange(len(v_rows))).astype(np.float32)
        fine = cv2.remap(grid, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        seen = cv2.resize(fine, u.shape[::-1], interpolation=cv2.INTER_AREA)
        window[part] = np.where(inside[part], seen, window[part])

    # ---- frames --------------------------------------------------------------------------------------------
    def radiance(self, level_mm: float) -> Picture:
        """The window of the tube, without lens and sensor: (HEIGHT, window's width), grey from 0 to 1."""
        edge_mm = card_edge_mm(level_mm)
        soft = 1.0 / self._per_mm
        split = (level_mm + 0.5 * self.meniscus.rise_mm - self.camera.height_mm) / self.camera.distance_mm
        wet = self._v < split
        window: Picture = np.where(wet, self._water.shade(edge_mm, soft), self._air.shade(edge_mm, soft))
        self._insert_strip(window, level_mm, edge_mm)
        return window

    def frame(self, level_mm: float) -> NDArray[np.uint8]:
        """A picture for a level (mm above the zero mark): (HEIGHT, WIDTH, 3), blue-green-red."""
        window = self.radiance(level_mm)[..., None] * self._tint
        picture = self._still.copy()
        blurred = cv2.GaussianBlur(window, (0, 0), BLUR_PX)
        picture[:, self.left + 3 : self._right - 3] = blurred[:, 3:-3]
        return self._expose(picture)

    def black_frame(self) -> NDArray[np.uint8]:
        """What a camera sends whose lens is covered: noise on black."""
        return self._expose(np.full((HEIGHT, WIDTH, 3), 2.0, np.float32))

    def _expose(self, picture: Picture) -> NDArray[np.uint8]:
        y, x = self._random.integers(0, 64, 2)
        noise = self._noise[y : y + HEIGHT, x : x + WIDTH]
        return np.asarray(cv2.add(picture, noise, dtype=cv2.CV_8U), np.uint8)  # rounds and saturates

    def jpeg(self, picture: NDArray[np.uint8]) -> bytes:
        """The picture as a camera sends it."""
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return data.tobytes()
