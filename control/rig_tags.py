"""The tags that the bench works with: their units, and the words behind their numbers.

A rig's map may have further tags; those named here must be there (unless optional), in this unit.
"""

from collections.abc import Mapping
from typing import Final

REQUIRED: Final[Mapping[str, str]] = {
    "heartbeat": "1",
    "accepted_sequence": "1",
    "command_result": "1",
    "device_counter": "1",
    "latch": "1",
    "time_factor": "1",
    "clock": "s",
    "dose_state": "1",
    "meter_volume": "L",
    "meter_flow": "L/min",
    "balance": "g",
    "water_temperature": "degC",
    "vessel_temperature": "degC",
    "air_temperature": "degC",
    "coarse_valve": "%",
    "fine_valve": "%",
    "drain_valve": "%",
    "level_high_high": "1",
    "level_empty": "1",
    "door_closed": "1",
    "emergency_stop": "1",
    "balance_stable": "1",
    "drain_stream": "1",
    "reservoir_low": "1",
}
OPTIONAL: Final[Mapping[str, str]] = {
    "air_pressure": "hPa",
    "humidity": "%",
    "line_pressure": "kPa",
    "meter_pulses": "1",
    "meter_temperature": "degC",
    "pump_speed": "%",
    "reservoir": "L",
}
FLAGS: Final = frozenset(
    {
        "level_high_high",
        "level_empty",
        "door_closed",
        "emergency_stop",
        "balance_stable",
        "drain_stream",
        "reservoir_low",
    }
)

RESULTS: Final = (
    "accepted",
    "unknown command",
    "latched",
    "the drain is not closed",
    "high-high level",
    "the door is open",
    "the emergency stop is pressed",
    "an argument is out of range",
    "the heartbeat is missing",
    "an inlet valve is not closed",
)
LATCHES: Final = (
    "none",
    "heartbeat",
    "high-high level",
    "door",
    "emergency stop",
    "pump dry",
    "drain not closed",
    "no flow although open",
    "flow although closed",
    "dose too long",
)

DOSE_NONE, DOSE_RUNNING, DOSE_COMPLETE, DOSE_BROKEN_OFF = range(4)


def word(words: tuple[str, ...], number: object) -> str:
    """The word for a device's number; an unknown number is named as such."""
    if isinstance(number, int) and 0 <= number < len(words):
        return words[number]
    return "unknown" if number is None else f"unknown code {number}"
