"""The reader for a sight glass: a graduated neck's plate and the meniscus in the tube beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np

from vision.camera_model import Lens
from vision.frame import Frame
from vision.instrument import Region
from vision.reading import Answer, Reading, Reason, Refusal
from vision.several_frames import combined
from vision.sight_glass.level import USUAL_CARD_MM, Level, Sighting, level_again, level_of, menisci_of
from vision.sight_glass.scene import KIND, Scene, division_mm_of, find_scene, follow_scene
from vision.station import CameraGeometry, Lighting, Liquid, SightGlass

FLOOR_EDGE_MM = 0.008  # edges are not better than this, whatever their scatter says
BLUR_SHARE = 0.03  # of the width of a step: how far unlike surroundings may pull it
UNKNOWN_LENS_MM = 0.02  # what an uncorrected lens may bend between plate and axis
SHARP_TOP_MM, ONSET_MM = 0.35, 0.13
# where the band's top is sharp, half the contrast marks the contact line; a faint one is seen a pixel early


@dataclass(frozen=True)
class Track:
    """What a frame taught about the next: the scene and how its level was found."""

    scene: Scene
    level: Level
    terms: Mapping[str, float]
    notes: tuple[str, ...]


class SightGlassReader:
    """Reads the level of the lowest point of the meniscus, in the unit of the scale."""

    def __init__(self, instrument: SightGlass, camera: CameraGeometry, region: Region | None = None) -> None:
        """A reader for `instrument` as `camera` sees it; `region` (x, y, width, height) limits the search."""
        self._glass = instrument
        self._camera = camera
        self._region = region
        self._lens = Lens.of(camera)
        if instrument.tube is not None:  # solved here, once for the station, rather than in the first reading
            menisci_of(instrument.tube.inner_diameter_mm, instrument.liquid or Liquid.WATER)

    def read(self, frame: Frame) -> Answer:
        """The reading of one frame, or why it is refused. Raises `FrameError` for bytes that are no image."""
        return self._searched(frame)[0]

    def track(self, frame: Frame, before: Track | None) -> tuple[Answer, Track | None]:
        """The reading of a live frame, and what to hand to the next call.

        With `before` from the last frame, plate and tube are only confirmed, not searched; where that fails
        the whole search follows. The uncertainty terms are those of the last whole search.
        """
        if before is not None:
            scene = follow_scene(frame.gray, before.scene)
            if scene is not None:
                level = level_again(self._sighting(scene), self._glass, self._camera, before.level)
                answer = self._answer(scene, level, before.terms, before.notes)
                if isinstance(answer, Reading):
                    return answer, Track(scene, level, before.terms, before.notes)
        return self._searched(frame)

    def read_many(self, frames: Sequence[Frame]) -> Answer:
        """The mean of several frames of a level that stands still.

        Scatter between frames is the term `frames`, divided by √n; what all frames share is not. Refused
        frames are left out and named; when fewer than half can be read the commonest refusal is returned.
        """
        return combined(KIND, [self.read(frame) for frame in frames])

    def _searched(self, frame: Frame) -> tuple[Answer, Track | None]:
        scene = find_scene(frame.gray, self._glass, self._lens, self._region)
        if isinstance(scene, Refusal):
            return scene, None
        sighting = self._sighting(scene)
        notes = list(scene.graduation.notes)
        lighting = self._lighting(sighting, notes)
        level = level_of(sighting, self._glass, self._camera, lighting)
        notes.extend(level.notes)
        terms = self._terms(scene, level, notes)
        answer = self._answer(scene, level, terms, tuple(notes))
        track = Track(scene, level, terms, tuple(notes)) if isinstance(answer, Reading) else None
        return answer, track

    def _sighting(self, scene: Scene) -> Sighting:
        """The band's heights on the plate in millimetres."""
        edges, ppm = scene.edges, scene.pixels_per_mm
        top = None
        if np.isfinite(edges.contact):
            sharp = np.isfinite(edges.upper) and edges.upper - edges.contact < SHARP_TOP_MM * ppm
            top = scene.on_plate_mm(self._lens, edges.upper if sharp else edges.contact + ONSET_MM * ppm)
        card = scene.on_plate_mm(self._lens, edges.card) if np.isfinite(edges.card) else None
        card_u = 0.0
        if card is None and self._glass.lighting is Lighting.CARD:
            card = scene.on_plate_mm(self._lens, edges.lower + USUAL_CARD_MM[0] * ppm)
            card_u = USUAL_CARD_MM[1]
        scatter = hypot(2 * edges.lower_u, BLUR_SHARE * edges.blur_px) / ppm
        return Sighting(
            lower_mm=scene.on_plate_mm(self._lens, edges.lower),
            top_mm=top,
            card_mm=card,
            card_u_mm=card_u,
            outer_mm=scene.walls.width / ppm,
            edge_u_mm=hypot(scatter, FLOOR_EDGE_MM),
        )

    def _lighting(self, sighting: Sighting, notes: list[str]) -> Lighting | None:
        """What stands behind the tube, as stated and as seen; None where that is not known."""
        stated, card = self._glass.lighting, sighting.card_mm is not None
        if stated is None:
            notes.append(
                "the lighting is not stated: "
                + ("there is a black card" if card else "no card is seen, light from all around is assumed")
            )
            return Lighting.CARD if card else None
        if stated is Lighting.CARD and sighting.card_u_mm:
            notes.append("the edge of the card is not seen: a usual distance under the meniscus is assumed")
        if stated is not Lighting.CARD and card:
            notes.append(f"the lighting is stated as {stated}, but there is a dark edge under the meniscus")
            return Lighting.CARD
        return stated

    def _terms(self, scene: Scene, level: Level, notes: list[str]) -> dict[str, float]:
        """The uncertainty terms in the unit of the scale."""
        scale, division_mm = self._glass.scale, scene.division_mm
        unit = scale.division / division_mm
        terms = {name: u * unit for name, u in level.terms_mm.items()}
        lattice = scene.graduation.lattice.number_u(scene.axis_point(self._lens)) * scale.division
        if not self._lens.known:
            notes.append("the lens is not stated: its distortion is not corrected")
            lattice = hypot(lattice, UNKNOWN_LENS_MM * unit)
        terms["lattice"] = lattice
        if division_mm_of(self._glass) is None:
            # the millimetre comes from the tube: its width as seen, or a usual one
            share = 0.03 if self._glass.tube is not None else 0.15
            notes.append(f"division_mm is not stated: {division_mm:.2f} mm follow from the tube's width")
            terms["geometry"] = hypot(terms["geometry"], share * level.edge_above_mm * unit)
        return terms

    def _answer(
        self, scene: Scene, level: Level, terms: Mapping[str, float], notes: tuple[str, ...]
    ) -> Answer:
        scale = self._glass.scale
        value = level.level_mm / scene.division_mm * scale.division
        drawing = scene.drawing(-level.edge_above_mm)
        low, high = scale.first, scale.last
        if low is not None and high is not None and not low <= value <= high:
            said = f"the meniscus stands at {value:.4g} {scale.unit}, outside the scale ({low:g} to {high:g})"
            return Refusal(KIND, Reason.OUT_OF_SCALE, said, drawing)
        return Reading(
            kind=KIND,
            value=value,
            unit=scale.unit,
            standard_uncertainty=sqrt(sum(u * u for u in terms.values())),
            terms=dict(terms),
            notes=notes,
            drawing=drawing,
        )
