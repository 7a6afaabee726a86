"""A tank as its drawing describes it: where a fit starts, and which of its dimensions the data decide."""

import tomllib
from math import radians

from calibration.data_table import LENGTH_UNITS, VOLUME_UNITS
from calibration.errors import CalibrationError
from calibration.section import Section
from calibration.tank_curve import DEAD_VOLUME, DIMENSIONS, OFFSET, TankShape
from calibration.tank_ends import FLAT_END, End, Head
from calibration.tanks import Orientation, Tank

FREE = (*DIMENSIONS, OFFSET, DEAD_VOLUME)


def parse_tank_file(text: str, where: str, reading_unit: str, volume_unit: str) -> TankShape:
    """The shape that a TOML text describes, in the units of the data it is fitted to.

    `where` names the file in messages. Raises `CalibrationError` with one sentence for a missing, unknown or
    impossible entry, and where the data's readings are no lengths.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CalibrationError(f"{where}: is not TOML: {error}") from error
    if reading_unit not in LENGTH_UNITS:
        raise CalibrationError(
            f"a tank needs readings that are lengths ({', '.join(LENGTH_UNITS)}), not {reading_unit}"
        )
    section = Section(content, where)
    unit = LENGTH_UNITS[section.text("unit", tuple(LENGTH_UNITS))] / LENGTH_UNITS[reading_unit]
    orientation = Orientation(section.text("orientation", tuple(Orientation)))
    free = section.texts("free")
    unknown = [name for name in free if name not in FREE]
    if unknown or not free or len(set(free)) != len(free):
        raise section.fail("free", f"must name one or more of {', '.join(FREE)}, each once, not {list(free)}")
    tank = Tank(
        orientation,
        radius=section.number("radius", above=0.0) * unit,
        length=section.number("length", at_least=0.0) * unit,
        first=_end(section.optional_section("first"), unit),
        second=_end(section.optional_section("second"), unit),
        tilt=radians(_or_zero(section, "tilt_deg")),
        gauge=_or_zero(section, "gauge") * unit,
    )
    offset = _or_zero(section, "offset") * unit
    dead_volume = _dead_volume(section, volume_unit)
    section.finish()
    _demand_decidable(section, tank, free)
    factor = LENGTH_UNITS[reading_unit] ** 3 / VOLUME_UNITS[volume_unit]
    return TankShape(tank, free, factor, offset, dead_volume)


def _end(section: Section | None, unit: float) -> End:
    if section is None:
        return FLAT_END
    head = Head(section.text("head", tuple(Head)))
    end = FLAT_END
    if head is Head.TORISPHERICAL:
        end = End(head, dish=section.number("dish", above=0.0), knuckle=section.number("knuckle", above=0.0))
    elif head is not Head.FLAT:
        end = End(head, section.number("depth") * unit)
    section.finish()
    return end


def _or_zero(section: Section, key: str) -> float:
    """Zero is what these mean when a drawing does not name them: level, dipped at the first end, from the
    bottom.
    """
    return section.number(key) if section.has(key) else 0.0


def _dead_volume(section: Section, volume_unit: str) -> float:
    if not section.has("dead_volume"):
        return 0.0
    given = section.text("volume_unit", tuple(VOLUME_UNITS))
    return section.number("dead_volume") * VOLUME_UNITS[given] / VOLUME_UNITS[volume_unit]


def _demand_decidable(section: Section, tank: Tank, free: tuple[str, ...]) -> None:
    """Quantities that do the same to the volume cannot both be decided by data."""
    if tank.orientation is Orientation.LYING:
        if {"gauge", OFFSET} <= set(free):
            raise section.fail("free", "must not name both gauge and offset: they do the same to the volume")
        if "gauge" in free and tank.tilt == 0 and "tilt" not in free:
            raise section.fail("free", "must not name gauge for a level tank: it changes nothing there")
        return
    if "gauge" in free:
        raise section.fail("free", "must not name gauge: a standing tank is read along its axis")
    if "tilt" in free and tank.upright:
        raise section.fail(
            "free", "names tilt, but tilt_deg is zero, where a standing tank's volume does not tell a lean"
        )
