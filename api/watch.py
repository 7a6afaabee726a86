"""What is to be seen of the bench now: put together from what a run tells, for page and command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from api.bench import Look
from api.indexing import item_of, row_of
from api.models import Live, LiveGauge, LiveLevel, LivePrompt, LiveTag, RunCommand
from api.settings import Configuration
from api.storage.tables import RunRow
from control.sequence import Run
from control.states import State

GAUGE_FIELDS = (
    "shows",
    "at",
    "value",
    "unit",
    "standard_uncertainty",
    "reason",
    "detail",
    "wire",
    "wire_unit",
)
MOVING_STEPS = frozenset({"empty", "prewet", "fill", "drain"})

IDLE = Live(
    run=None,
    last_run=None,
    state=str(State.IDLE),
    reason="",
    commands=[],
    item="",
    measure="",
    procedure="",
    operator="",
    started_utc=None,
    t_s=None,
    time_factor=None,
    step="",
    detail="",
    repeat=None,
    repeats=None,
    progress=None,
    next=[],
    target=None,
    level=None,
    scale_first=None,
    scale_last=None,
    prompt=None,
    gauges=[],
    tags=[],
    alarms=[],
    picture=0,
)


@dataclass
class Watch:
    """Follows one run. `hear` is its listener, `see` takes what a camera showed; `live` is the whole."""

    run_id: str
    run: Run
    configuration: Configuration
    settings: Mapping[str, Any]
    started_utc: datetime
    scale: tuple[float | None, float | None] = (None, None)
    look: Look | None = None
    picture: int = 0
    level: LiveLevel | None = None
    gauge_looks: dict[str, Look] = field(default_factory=dict)
    gauges: dict[str, LiveGauge] = field(default_factory=dict)
    detail: str = ""
    ended_t_s: float | None = None
    clock_zero_s: float | None = None

    def hear(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take one event of the run."""
        if self.clock_zero_s is None:
            self.clock_zero_s = self.run.rig.clock.now()
        if kind == "step":
            self.detail = str(data.get("detail", ""))
            if self.level is not None and data["step"] in MOVING_STEPS:
                self.level = self.level.model_copy(update={"old": True})
        elif kind == "observation" and data["purpose"] == "gauge":
            self._hear_gauge(data)
        elif kind == "observation":
            self.level = LiveLevel(
                value=data["value"],
                unit=data["unit"],
                standard_uncertainty=data["standard_uncertainty"],
                reason=data["reason"],
                detail=data["detail"],
                old=False,
            )
        elif kind == "end":
            self.ended_t_s = self.t_s

    def see(self, look: Look) -> None:
        """Take what the camera showed last."""
        self.look = look
        self.picture += 1

    def see_gauge(self, name: str, look: Look) -> None:
        """Take what a gauge's camera showed last; the reading follows as an observation."""
        self.gauge_looks[name] = look

    def row(self) -> RunRow:
        """The run as the index has it from its beginning."""
        return row_of(self.settings, str(State.STARTING), self.started_utc)

    @property
    def t_s(self) -> float | None:
        """Seconds of the rig's clock since the run began."""
        if self.ended_t_s is not None:
            return self.ended_t_s
        return None if self.clock_zero_s is None else self.run.rig.clock.now() - self.clock_zero_s

    def live(self) -> Live:
        """The whole state, for viewers."""
        status = self.run.status()
        following = status["next_step"]
        choice = self.configuration.choice
        return Live(
            run=self.run_id,
            last_run=self.run_id,
            state=status["state"],
            reason=status["reason"],
            commands=[RunCommand(word) for word in status["commands"]],
            item=item_of(self.settings),
            measure=choice.measure,
            procedure=choice.procedure,
            operator=choice.operator,
            started_utc=self.started_utc,
            t_s=self.t_s,
            time_factor=self.run.rig.clock.factor,
            step=status["step"],
            detail=self.detail,
            repeat=status["repeat"],
            repeats=status["repeats"],
            progress=status["progress"],
            next=[following] if following else [],
            target=status["target"],
            level=self.level,
            scale_first=self.scale[0],
            scale_last=self.scale[1],
            prompt=LivePrompt.model_validate(status["prompt"]) if status["prompt"] else None,
            gauges=list(self.gauges.values()),
            tags=self._tags(status["tags"]),
            alarms=[alarm["detail"] for alarm in status["alarms"]],
            picture=self.picture,
        )

    def _hear_gauge(self, data: Mapping[str, Any]) -> None:
        name = str(data["instrument"])
        before = self.gauges.get(name)
        self.gauges[name] = LiveGauge(
            name=name,
            t_s=self.t_s,
            picture=(before.picture if before is not None else 0) + (name in self.gauge_looks),
            **{key: data[key] for key in GAUGE_FIELDS},
        )

    def _tags(self, values: Mapping[str, Any]) -> list[LiveTag]:
        known = self.configuration.rig.tags
        return [
            LiveTag(name=name, value=value, unit=known[name].unit, describe=known[name].describe)
            for name, value in values.items()
            if name in known
        ]
