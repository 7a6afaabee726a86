"""The rig over a real line: commands given once, a heartbeat that is kept, a line that may break."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from modbus_fakes import Proxy
from rig_bench import FACTOR, Bench, until

from control.errors import CommandRefusedError, HeldError, LinkError
from control.rig import Rig


@pytest.fixture
async def proxy(bench: Bench) -> AsyncIterator[Proxy]:
    """A line between bench and device that can be made to fail."""
    proxy = Proxy(bench.registers.link.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def far_rig(bench: Bench, proxy: Proxy) -> AsyncIterator[Rig]:
    """A rig behind the proxy, with short time-outs."""
    link = replace(bench.registers.link, port=proxy.port, timeout_s=0.2)
    rig = Rig(replace(bench.registers, link=link))
    await rig.connect()
    yield rig
    await rig.close()


async def test_connecting_takes_over_the_rigs_time_and_its_sequence(bench: Bench) -> None:
    """The clock runs at the rig's factor; commands go on after the device's last one."""
    bench.device.accepted_sequence = 41
    rig = Rig(bench.registers)
    lines: list[dict[str, Any]] = []
    rig.recorder = lambda kind, data: lines.append({"kind": kind, **data})
    await rig.connect()
    await rig.close_all()
    assert FACTOR == rig.clock.factor
    assert [
        {"kind": "command", "sequence": 42, "opcode": "close-all", "arguments": []},
        {"kind": "accepted", "sequence": 42, "result": 0},
    ] == lines
    await rig.close()


async def test_the_sequence_goes_round_without_zero(bench: Bench) -> None:
    """After 65535 comes 1: zero is what a device says that never had a command."""
    bench.device.accepted_sequence = 65534
    async with Rig(bench.registers) as rig:
        await rig.close_all()
        assert 65535 == bench.device.accepted_sequence
        await rig.close_all()
        assert 1 == bench.device.accepted_sequence


async def test_a_command_is_recorded_before_it_is_sent(bench: Bench, rig: Rig) -> None:
    """Where it cannot be recorded it is not given; closing is given all the same."""

    def full_disk(kind: str, data: Any) -> None:
        raise OSError("no space left")

    rig.recorder = full_disk
    with pytest.raises(OSError, match="no space"):
        await rig.fill_fine(0.1, 40.0)
    assert 0 == bench.device.executed
    await rig.close_all()
    assert 1 == bench.device.executed


async def test_the_heartbeat_is_kept_and_the_device_does_not_latch(bench: Bench, rig: Rig) -> None:
    """Over twice T the device sees its heartbeat change."""
    await asyncio.sleep(2.2 * bench.registers.link.heartbeat_s)
    assert 0 == bench.device.latch
    assert rig.connected
    assert max(rig.ages_s().values()) < 0.5


async def test_a_fill_ends_by_the_devices_meter(bench: Bench, rig: Rig) -> None:
    """The dose passes the meter and closes without the bench."""
    before = bench.plant.hydraulics.meter.volume_l
    await rig.fill_fine(0.1, 40.0)
    await rig.wait_for(lambda s: s.values["dose_state"] == 2, 60.0, "the dose")
    assert 0.1 <= bench.plant.hydraulics.meter.volume_l - before < 0.11
    assert bench.closed


async def test_the_devices_refusal_has_its_words(rig: Rig) -> None:
    """An argument out of range is the device's answer, in words."""
    with pytest.raises(
        CommandRefusedError, match="fill-fine: the device refuses: an argument is out of range"
    ):
        await rig.fill_fine(500.0, 40.0)


async def test_the_benchs_own_refusal_sends_nothing(bench: Bench, rig: Rig) -> None:
    """With the drain open a fill is not even sent."""
    await rig.open_drain()
    executed = bench.device.executed
    with pytest.raises(CommandRefusedError, match="fill-coarse is not given: the drain was told to open"):
        await rig.fill_coarse(1.0, 100.0)
    assert executed == bench.device.executed


async def test_a_lost_answer_is_resolved_by_the_echo(bench: Bench, proxy: Proxy, far_rig: Rig) -> None:
    """The write arrived, its answer did not: the command was given once, and is not sent again."""
    proxy.drop_answers = 1
    await far_rig.fill_fine(0.05, 40.0)
    assert 1 == bench.device.executed
    assert 1 == proxy.command_writes


async def test_a_lost_command_is_not_replayed(bench: Bench, proxy: Proxy, far_rig: Rig) -> None:
    """The write never arrived: that is said, and nothing was opened."""
    proxy.drop_requests = 1
    with pytest.raises(LinkError, match="fill-fine: the device does not confirm command 1"):
        await far_rig.fill_fine(0.05, 40.0)
    assert (0, 1) == (bench.device.executed, proxy.command_writes)
    assert bench.closed


async def test_closing_is_asked_for_again_under_its_own_number(
    bench: Bench, proxy: Proxy, far_rig: Rig
) -> None:
    """A lost close-all is repeated with the same sequence: the device acts on it once."""
    proxy.drop_requests = 1
    await far_rig.close_all()
    assert (1, 1, 2) == (bench.device.executed, bench.device.accepted_sequence, proxy.command_writes)


async def test_a_broken_line_is_an_alarm_and_comes_back_closed(
    bench: Bench, proxy: Proxy, far_rig: Rig
) -> None:
    """The line breaks in a fill for less than T: once back, everything is closed before it beats again."""
    alarms: list[str] = []
    far_rig.alarm_watchers.append(lambda alarm: alarms.append(alarm.name))
    await far_rig.fill_coarse(19.0, 10.0)
    await asyncio.sleep(0.1)
    proxy.cut()
    await until(lambda: "link-lost" in alarms)
    assert not far_rig.connected
    with pytest.raises(LinkError):
        await far_rig.refresh()
    proxy.mend()
    await until(lambda: far_rig.connected)
    await until(lambda: bench.closed, 2.0)
    assert 3 == bench.device.dose_state


async def test_a_bench_that_falls_silent_is_closed_by_the_device(
    bench: Bench, proxy: Proxy, far_rig: Rig
) -> None:
    """The line is mute for longer than T: the device closes, latches, and needs a reset."""
    await far_rig.open_drain()
    proxy.mute = True
    await until(lambda: bench.device.latch == 1, 4.0)
    await until(lambda: bench.closed, 1.0)
    proxy.mute = False
    await until(lambda: far_rig.connected)
    with pytest.raises(CommandRefusedError, match=r"latched \(heartbeat\)"):
        await far_rig.open_drain()
    await until(lambda: not bench.device.heartbeat_missing(asyncio.get_running_loop().time()))
    await far_rig.reset()
    assert 0 == bench.device.latch


async def test_a_short_hiccup_is_read_over(bench: Bench, proxy: Proxy, far_rig: Rig) -> None:
    """One torn connection is no lost line: reading goes on, nothing trips, nothing is closed."""
    await far_rig.fill_coarse(19.0, 10.0)
    proxy.cut()
    proxy.mend()
    snapshot = await far_rig.refresh()
    assert 1 == snapshot.values["dose_state"]
    assert () == far_rig.alarms.first_out()
    assert far_rig.connected


async def test_a_device_that_stands_still_trips(bench: Bench, rig: Rig) -> None:
    """It answers every read, but its scan has stopped."""
    names: list[str] = []
    rig.alarm_watchers.append(lambda alarm: names.append(alarm.name))
    bench.frozen = True
    await until(lambda: "device-stalled" in names)


async def test_a_trip_closes_everything_at_once(bench: Bench, rig: Rig) -> None:
    """No run is needed: the rig closes by itself."""
    await rig.open_drain()
    bench.plant.door_closed = False
    await until(lambda: "door-open" in [alarm.name for alarm in rig.alarms.first_out()])
    await until(lambda: 2 == bench.device.accepted_sequence)
    assert bench.closed


async def test_the_balance_is_read_when_it_is_steady(bench: Bench, rig: Rig) -> None:
    """The mean lies at the true load within the balance's error, its scatter is that of the mean."""
    weighing = await rig.weigh(8, 0.5, 60.0)
    assert 8 == weighing.count
    assert abs(weighing.mean_g - bench.plant.truth.tare_g) < 1.0 + bench.plant.vessel.content_g
    assert 0.0 <= weighing.scatter_g < 0.2


async def test_a_balance_that_never_rests_is_said(bench: Bench, rig: Rig) -> None:
    """While water runs the balance is not steady, and the wait has an end."""
    await rig.fill_coarse(19.0, 10.0)
    with pytest.raises(HeldError, match="the balance was not steady within 5 s"):
        await rig.weigh(8, 0.5, 5.0)


async def test_a_rig_that_is_not_there_is_one_sentence(bench: Bench) -> None:
    """Nothing is left running after a failed connect."""
    rig = Rig(replace(bench.registers, link=replace(bench.registers.link, port=1)))
    with pytest.raises(LinkError, match="no rig answers"):
        await rig.connect()
    assert not rig.watched
    await rig.close()


async def test_a_device_that_restarts_is_noticed(bench: Bench, rig: Rig) -> None:
    """Its last command is none of ours: an alarm that discards, everything closed, and the numbers go on."""
    await rig.open_drain()
    bench.device.restart()
    await until(lambda: "device-restarted" in [alarm.name for alarm in rig.alarms.first_out()])
    assert rig.alarms.first_out()[0].discards
    await until(lambda: 2 == bench.device.accepted_sequence)
    await until(lambda: () == rig.alarms.active())
    assert bench.closed
    rig.alarms.clear()
    await until(lambda: not bench.device.heartbeat_missing(asyncio.get_running_loop().time()))
    await rig.fill_fine(0.05, 40.0)
    assert 3 == bench.device.accepted_sequence


async def test_a_meter_that_stops_in_a_dose_floods_nothing(bench: Bench, rig: Rig) -> None:
    """Device and bench both see that an open valve gives no flow; the first one closes."""
    await rig.fill_coarse(19.0, 100.0)
    await asyncio.sleep(0.05)
    bench.plant.hydraulics.meter.counting = False
    await until(lambda: rig.alarms.first_out() != ())
    await until(lambda: bench.closed)
    assert 0.0 == bench.plant.vessel.overflow_g
    assert {"device-latched", "no-flow"} & {alarm.name for alarm in rig.alarms.first_out()}
