"""Alarms: latched, first-out, and indifferent to being acknowledged."""

from control.alarms import Alarms, Trip

DOOR = Trip("door-open", "the door is open")
LATCH = Trip("device-latched", "the device latched")


def test_the_first_to_trip_stays_the_first() -> None:
    """First-out order survives the end of the condition and its return."""
    alarms = Alarms()
    alarms.update([DOOR], 1.0)
    alarms.update([DOOR, LATCH], 2.0)
    alarms.update([LATCH], 3.0)
    alarms.update([LATCH, DOOR], 4.0)
    assert [("door-open", 1, 4.0), ("device-latched", 2, 2.0)] == [
        (alarm.name, alarm.order, alarm.raised_s) for alarm in alarms.first_out()
    ]


def test_only_what_is_new_is_raised() -> None:
    """A condition that lasts is raised once; one that comes back is raised again."""
    alarms = Alarms()
    raised = [len(alarms.update(trips, 0.0)) for trips in ([DOOR], [DOOR], [], [DOOR], [DOOR, LATCH])]
    assert [1, 0, 0, 1, 1] == raised


def test_an_alarm_is_latched_until_cleared() -> None:
    """It stays when its condition has gone; clearing takes away only what does not hold any more."""
    alarms = Alarms()
    alarms.update([DOOR, LATCH], 0.0)
    alarms.update([LATCH], 1.0)
    assert ["door-open", "device-latched"] == [alarm.name for alarm in alarms.first_out()]
    alarms.clear()
    assert [("device-latched", 1)] == [(alarm.name, alarm.order) for alarm in alarms.first_out()]


def test_acknowledging_changes_nothing_but_the_mark() -> None:
    """An acknowledged alarm is as active, as latched and in the same place as before."""
    alarms = Alarms()
    alarms.update([DOOR, LATCH], 0.0)
    before = alarms.first_out()
    alarms.acknowledge("door-open")
    alarms.acknowledge("no such alarm")
    after = alarms.first_out()
    assert [True, False] == [alarm.acknowledged for alarm in after]
    assert [(a.name, a.active, a.order) for a in before] == [(a.name, a.active, a.order) for a in after]
    assert () == alarms.update([DOOR, LATCH], 1.0)
