"""Gauges in a run: what is read when, what is only noted, and what holds the run."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rig_bench import Bench, RunBench, gauges, prepared_run

from control.errors import ConfigurationError
from control.gauges import Certificate, Shown, gauge_of
from control.procedure import Procedure
from control.states import State

CERTIFICATE = Certificate("a gauge", "T-1", datetime.date(2036, 12, 31), 0.03)


@pytest.fixture
async def gauged(bench: Bench, procedure: Procedure, tmp_path: Path) -> AsyncIterator[RunBench]:
    """A run with a thermometer, a balance's display and a dial."""
    async with prepared_run(bench, procedure, tmp_path / "run", gauges()) as prepared:
        yield prepared


def read(run_bench: RunBench) -> list[dict[str, Any]]:
    """The gauges' observations in the record so far."""
    return [data for data in run_bench.kinds("observation") if data["purpose"] == "gauge"]


async def held(run_bench: RunBench) -> str:
    """Execute until the run is held; returns why."""
    task = asyncio.create_task(run_bench.run.execute())
    await run_bench.until_state(State.HELD)
    reason = run_bench.run.reason
    assert run_bench.bench.closed
    run_bench.run.command("stop")
    assert "stopped" == await task
    return reason


async def test_gauges_are_read_where_they_matter(gauged: RunBench) -> None:
    """Thermometer in the full measure, display with each weighing, dial while filling and at rest."""
    assert "complete" == await gauged.run.execute()
    lines = read(gauged)
    assert [
        ("dial", "filling", None, 1),
        ("water", "full", 0.0, 3),
        ("dial", "rest", 0.0, 1),
        ("scales", "full", 0.0, 1),
        ("scales", "drained", None, 1),
    ] == [(line["instrument"], line["at"], line["target"], len(line["frames"])) for line in lines]
    assert [1] * 5 == [line["repeat"] for line in lines]
    wires = {line["instrument"]: (line["shows"], line["wire_unit"]) for line in lines}
    assert {
        "dial": ("line_pressure", "kPa"),
        "water": ("water_temperature", "degC"),
        "scales": ("balance", "g"),
    } == wires
    assert lines[0]["wire"] > 20.0 > lines[2]["wire"]  # the pump ran, and then it did not
    weighing = gauged.kinds("weighing")[0]
    assert lines[3]["wire"] == weighing["mean_g"]
    assert abs(1000.0 * lines[3]["value"] - weighing["mean_g"]) < 1.0


async def test_a_lost_decimal_point_holds_the_run(gauged: RunBench) -> None:
    """A display ten times too high is not believed, and the weighing is not recorded."""
    gauged.gauges.times["scales"] = 10.0
    reason = await held(gauged)
    assert "scales shows" in reason and "by wire it is" in reason
    assert [] == gauged.kinds("weighing")
    assert read(gauged)[-1]["instrument"] == "scales"


async def test_a_display_one_gram_off_holds_the_run(gauged: RunBench) -> None:
    """Resolution and scatter allow some tenths of a gram, not a digit that was read wrong."""
    gauged.gauges.off["scales"] = 0.002
    assert "they may differ by" in await held(gauged)


async def test_two_thermometers_that_disagree_hold_the_run(gauged: RunBench) -> None:
    """Half a degree between two standards of a few hundredths: one of them is wrong."""
    gauged.gauges.off["water"] = 0.5
    assert "water shows" in await held(gauged)


async def test_a_pressure_that_the_wire_does_not_know_holds_the_run(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """Where the rig states its sensor's uncertainty, a dial half a bar off is not passed over."""
    standards = MappingProxyType(
        {**bench.registers.standards, "line_pressure": {**_STANDARD, "standard_uncertainty_kpa": 1.0}}
    )
    bench.registers = replace(bench.registers, standards=standards)
    async with prepared_run(bench, procedure, tmp_path / "run", gauges()) as gauged:
        gauged.gauges.off["dial"] = 0.5
        assert "dial shows" in await held(gauged)


_STANDARD: dict[str, Any] = {"name": "sensor", "serial": "1", "due": datetime.date(2036, 12, 31)}


async def test_a_blurred_picture_is_taken_again(gauged: RunBench) -> None:
    """Two refused pictures of the thermometer, then a reading: all three are in the record."""
    gauged.gauges.refusing["water"] = 2
    assert "complete" == await gauged.run.execute()
    water = [line for line in read(gauged) if line["instrument"] == "water"]
    assert ["blurred", "blurred", ""] == [line["reason"] for line in water]


async def test_what_the_result_needs_must_be_read(gauged: RunBench) -> None:
    """A thermometer that stays refused holds the run, and goes on when it can be read again."""
    gauged.gauges.refusing["water"] = 3
    task = asyncio.create_task(gauged.run.execute())
    await gauged.until_state(State.HELD)
    assert "water: 3 pictures in a row refused (blurred)" in gauged.run.reason
    gauged.run.command("unhold")
    assert "complete" == await task


async def test_a_gauge_that_only_checks_is_noted(gauged: RunBench) -> None:
    """Display refused and dial's camera dead: the run completes, and the record says what was not seen."""
    gauged.gauges.refusing["scales"] = 100
    gauged.gauges.dead.add("dial")
    assert "complete" == await gauged.run.execute()
    reasons = {(line["instrument"], line["reason"]) for line in read(gauged)}
    assert {("scales", "blurred"), ("dial", "no-picture"), ("water", "")} == reasons


async def test_a_dead_camera_at_the_thermometer_holds_the_run(gauged: RunBench) -> None:
    """No picture, no temperature, no result."""
    gauged.gauges.dead.add("water")
    assert "camera of water does not answer" in await held(gauged)


async def test_a_reader_that_answers_no_number_holds_the_run(gauged: RunBench) -> None:
    """A NaN is not a temperature."""
    gauged.gauges.off["water"] = float("nan")
    assert "the reader answers nan" in await held(gauged)


async def test_a_gauge_past_its_due_date_stops_before_water_flows(
    bench: Bench, procedure: Procedure, tmp_path: Path
) -> None:
    """Like the rig's own standards."""
    old = gauges(datetime.date(2020, 1, 1))
    async with prepared_run(bench, procedure, tmp_path / "run", old) as prepared:
        assert "stopped" == await prepared.run.execute()
        assert "the water (the water, serial T-1) is past its due date 2020-01-01" in prepared.run.reason
        assert 0 == bench.device.executed


@pytest.mark.parametrize(
    ("shows", "unit", "certificate", "sentence"),
    [
        ("weather", "degC", CERTIFICATE, "shows is 'weather'; expected one of water_temperature, balance"),
        ("balance", "degC", CERTIFICATE, "unit is 'degC'; expected one of g, kg for balance"),
        ("balance", "kg", None, "standard is missing; expected the certificate"),
    ],
)
def test_a_gauge_that_no_run_can_use_is_named(
    shows: str, unit: str, certificate: Certificate | None, sentence: str
) -> None:
    """One sentence with the place and what is expected."""
    with pytest.raises(ConfigurationError, match=f"demo.toml: instruments.x: {sentence}"):
        gauge_of("x", shows, unit, certificate, "demo.toml: instruments.x")


def test_a_reading_is_converted_to_the_tags_unit() -> None:
    """1.5 bar are 150 kPa."""
    assert 150.0 == gauge_of("x", "line_pressure", "bar", CERTIFICATE, "x").in_tag_unit(1.5)
    assert Shown.LINE_PRESSURE is gauge_of("x", "line_pressure", "mbar", CERTIFICATE, "x").shows
