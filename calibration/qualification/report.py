"""The validation report: every published case, how well it agrees, and where it was computed."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from calibration.qualification.agreement import CaseReport
from calibration.qualification.cases import CASES


@dataclass(frozen=True)
class Platform:
    """What the calculations ran on."""

    program: str
    python: str
    numpy: str
    scipy: str
    system: str
    machine: str


def this_platform() -> Platform:
    """The versions and the machine of this process; a package that is not installed is `not installed`."""
    return Platform(
        program=_version("tankcal"),
        python=platform.python_version(),
        numpy=_version("numpy"),
        scipy=_version("scipy"),
        system=platform.platform(),
        machine=platform.machine(),
    )


def qualify() -> Iterator[CaseReport]:
    """Every case in its order, as soon as it is computed."""
    for cases in CASES:
        yield from cases()


def case_record(report: CaseReport) -> dict[str, Any]:
    """A case as one JSON object: whether it agrees, its worst number, and all of them."""
    worst = report.worst
    return {
        "group": report.group,
        "case": report.case,
        "agrees": report.agrees,
        "numbers": len(report.agreements),
        "worst": {"quantity": worst.quantity, "digits": round(worst.digits, 2), "published": worst.published},
        "source": report.source,
        "quantities": [
            {
                "quantity": a.quantity,
                "published": a.published,
                "computed": a.computed,
                "digits": round(a.digits, 2),
                "agrees": a.agrees,
            }
            for a in report.agreements
        ],
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
