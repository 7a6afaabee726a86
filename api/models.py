"""What the REST interface takes and gives. Strict: no unknown field, no number that is none."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
RunId = Annotated[str, StringConstraints(pattern=r"^\d{8}-\d{6}-[0-9a-f]{4}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Asked(BaseModel):
    """The base of what is sent to the service."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Given(BaseModel):
    """The base of what the service answers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class StartRun(Asked):
    """A run to be started; what is not named is taken from the service's settings."""

    measure: Name | None = None
    procedure: Name | None = None
    station: Name | None = None
    rig: Name | None = None
    rules: Name | None = None
    operator: Words | None = None
    serial: Words | None = Field(
        default=None, description="Serial number of the item, where it isn't the one in the measure's file."
    )


class RunCommand(StrEnum):
    """What a person may tell a run."""

    HOLD = "hold"
    UNHOLD = "unhold"
    STOP = "stop"
    ABORT = "abort"
    CLEAR = "clear"


class GiveCommand(Asked):
    """A command for the live run. `run` guards against telling another run than the one that was meant."""

    model_config = ConfigDict(strict=False, extra="forbid", allow_inf_nan=False, frozen=True)

    command: RunCommand
    run: RunId | None = None


class GiveAnswer(Asked):
    """A person's answer to the prompt `number`: places of the checks that were seen to, and the numbers."""

    model_config = ConfigDict(strict=False, extra="forbid", allow_inf_nan=False, frozen=True)

    number: int = Field(ge=1)
    person: Words
    confirmed: list[int] = Field(max_length=100)
    values: dict[Words, FiniteFloat] = Field(max_length=100)
    run: RunId | None = None


class Run(Given):
    """A run as the list shows it. Volumes and errors are null until there is a result."""

    id: str
    item: str
    measure: str
    procedure: str
    station: str
    rig: str
    rules: str
    operator: str
    state: str
    reason: str
    started_utc: datetime
    ended_utc: datetime | None
    nominal_l: FiniteFloat | None
    verdict: str | None
    error_ml: FiniteFloat | None
    standard_uncertainty_ml: FiniteFloat | None
    expanded_uncertainty_ml: FiniteFloat | None


class RunPage(Given):
    """Runs, newest first; `after` is the cursor of the next page, null on the last one."""

    runs: list[Run]
    after: str | None


class RunReading(Given):
    """A reading that is evidence: line `n` of the record. A refused one has a `reason` and no value."""

    n: int
    instrument: str
    purpose: str
    repeat: int | None
    target: FiniteFloat | None
    value: FiniteFloat | None
    unit: str
    standard_uncertainty: FiniteFloat | None
    reason: str
    frames: int


class RunDetail(Run):
    """A run with its readings, and the hash of its record's last line."""

    record_head: str | None
    readings: list[RunReading]


class LiveLevel(Given):
    """The last reading of the level, or why there is none; `old` once the water has moved since."""

    value: FiniteFloat | None
    unit: str
    standard_uncertainty: FiniteFloat | None
    reason: str
    detail: str
    old: bool


class LiveGauge(Given):
    """The last reading of a gauge by camera, or why there is none, beside what the wire said then.

    `picture` counts the gauge's pictures; each is behind `/live/gauges/{name}/picture.jpg` until the next.
    """

    name: str
    shows: str
    at: str
    t_s: FiniteFloat | None
    value: FiniteFloat | None
    unit: str
    standard_uncertainty: FiniteFloat | None
    reason: str
    detail: str
    wire: FiniteFloat | None
    wire_unit: str
    picture: int


class LiveQuestion(Given):
    """A number that a prompt asks for, within `low` to `high` of `unit`; texts by language."""

    name: str
    text: dict[str, str]
    unit: str
    low: FiniteFloat
    high: FiniteFloat


class LivePrompt(Given):
    """What a technician is to do, to see to and to enter; the run waits for the answer. Texts by language."""

    number: int
    name: str
    text: dict[str, str]
    checks: list[dict[str, str]]
    questions: list[LiveQuestion]


class LiveTag(Given):
    """A value of the rig; null where it is unknown."""

    name: str
    value: bool | FiniteFloat | None
    unit: str
    describe: str


class Live(Given):
    """The bench now. `run` is null while nothing runs; then `last_run` names the run before."""

    run: str | None
    last_run: str | None
    state: str
    reason: str
    commands: list[RunCommand]
    item: str
    measure: str
    procedure: str
    operator: str
    started_utc: datetime | None
    t_s: FiniteFloat | None
    time_factor: FiniteFloat | None
    step: str
    detail: str
    repeat: int | None
    repeats: int | None
    progress: FiniteFloat | None
    next: list[str]
    target: FiniteFloat | None
    level: LiveLevel | None
    scale_first: FiniteFloat | None
    scale_last: FiniteFloat | None
    prompt: LivePrompt | None
    gauges: list[LiveGauge]
    tags: list[LiveTag]
    alarms: list[str]
    picture: int


class Defaults(Given):
    """What a run uses where its request names nothing."""

    rig: str
    station: str
    measure: str
    procedure: str
    rules: str
    operator: str


class Setup(Given):
    """What can be run: the names of the files of each kind."""

    defaults: Defaults
    rigs: list[str]
    stations: list[str]
    measures: list[str]
    procedures: list[str]
    rules: list[str]
    simulated: bool


class Health(Given):
    """Whether the service does its work."""

    status: str
    version: str
    database: str
    running: str | None


Result = dict[str, Any]
