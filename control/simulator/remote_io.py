"""The twin as plain remote I/O: coils and registers with a watchdog, no program.

Hard-wired, without any program: the emergency stop and the high-high switch cut the inlets and the pump.
"""

from collections.abc import Mapping, Sequence

from control.outputs import ORDER
from control.simulator.device import Device, DoseState, Latch
from control.simulator.plant import Plant


class RemoteIoModule(Device):
    """The outputs of one module, and the watchdog that closes them when the heartbeat has not changed for T.

    Once it has, writes to the outputs change nothing until its reset coil is written while the heartbeat
    beats again. Without a first heartbeat nothing can be opened either.
    """

    def __init__(
        self, plant: Plant, *, heartbeat_s: float, time_factor: float, opcodes: Mapping[str, int]
    ) -> None:
        super().__init__(plant, heartbeat_s=heartbeat_s, time_factor=time_factor, opcodes=opcodes)
        self.setpoint_pct = 0.0
        self.coils = (False,) * len(ORDER)

    @property
    def tripped(self) -> bool:
        """Whether the watchdog has closed everything."""
        return self.latch is Latch.HEARTBEAT

    def write_outputs(self, bits: Sequence[bool], wall_s: float) -> None:
        """The output coils were written together; a tripped module keeps them off."""
        if self.tripped or (self.heartbeat_missing(wall_s) and any(bits)):
            return
        self.coils = tuple(bits)
        self._obey()

    def reset_watchdog(self, wall_s: float) -> None:
        """The reset coil was written; nothing happens while the heartbeat is missing."""
        if self.tripped and not self.heartbeat_missing(wall_s):
            self.latch = Latch.NONE

    def restart(self) -> None:
        """Power fails for a moment: every output off."""
        super().restart()
        self.coils = (False,) * len(ORDER)

    def close_all(self) -> None:
        """Every output off."""
        super().close_all()
        self.coils = (False,) * len(ORDER)

    def tags(self) -> dict[str, bool | int | float]:
        """What a PLC would say, with the module's own."""
        values = super().tags()
        values |= {f"{name}_output": bit for name, bit in zip(ORDER, self.coils, strict=True)}
        return values | {"pump_setpoint": self.setpoint_pct, "watchdog_tripped": self.tripped}

    def _watch(self, wall_s: float) -> None:
        if self._heartbeat_wall_s is not None and self.heartbeat_missing(wall_s):
            self._trip(Latch.HEARTBEAT)
        self._obey()

    def _obey(self) -> None:
        plant = self.plant
        pump, coarse, fine, drain = self.coils
        cut = plant.emergency_stop or plant.high_high
        hydraulics = plant.hydraulics
        hydraulics.coarse.open = coarse and not cut
        hydraulics.fine.open = fine and not cut
        hydraulics.pump.setpoint = self.setpoint_pct / 100.0 if pump and not cut else 0.0
        if drain:
            plant.open_drain()
        else:
            plant.drain.open = False
        # No program, no dose; but what the plant does is named alike for scripts of faults.
        self.dose_state = DoseState.RUNNING if coarse or fine else DoseState.NONE
