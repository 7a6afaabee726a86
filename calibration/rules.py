"""Rule packs: what a law or standard allows, each number with its source. Data in `configs/rules/`, never
code.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from calibration.errors import RuleError, UnknownQuantityError
from calibration.section import Section

_LIMIT_FORMS = ("divisions", "relative", "limit_ml", "rows", "not_stated")


class DecisionRule(StrEnum):
    """How the uncertainty counts in a decision (JCGM 106:2012)."""

    SIMPLE = "simple"
    GUARD_BAND = "guard-band"
    SPECIFIC_RISK = "specific-risk"


@dataclass(frozen=True)
class LimitRow:
    """A maximum permissible error for nominal volumes from `from_l` to `to_l` (both included; None is open).

    Exactly one of `limit_ml` and `relative` (of the nominal volume) is there.
    """

    from_l: float | None
    to_l: float | None
    limit_ml: float | None
    relative: float | None

    def covers(self, nominal_l: float) -> bool:
        """Whether the row is for this nominal volume; the rounding of a decimal does not count."""
        slack = 1e-9 * nominal_l
        above = self.from_l is None or nominal_l >= self.from_l - slack
        return above and (self.to_l is None or nominal_l <= self.to_l + slack)


@dataclass(frozen=True)
class ErrorLimit:
    """The maximum permissible error: by scale divisions of the item, or by its nominal volume."""

    divisions: float | None
    rows: tuple[LimitRow, ...]
    source: str
    unverified: bool

    @property
    def stated(self) -> bool:
        """Whether the rules give any limit."""
        return self.divisions is not None or bool(self.rows)

    def limit_ml(self, nominal_l: float, division_ml: float | None) -> float | None:
        """The limit in mL for an item, or None where the pack has none for this nominal volume.

        Raises `UnknownQuantityError` where the limit is in divisions and the item's division is not known.
        """
        if self.divisions is not None:
            if division_ml is None:
                raise UnknownQuantityError(
                    "measure.scale_division_ml is not known: the limit is given in the item's scale divisions"
                )
            return self.divisions * division_ml
        for row in self.rows:
            if row.covers(nominal_l):
                return (
                    row.limit_ml if row.limit_ml is not None else (row.relative or 0.0) * nominal_l * 1000.0
                )
        return None


@dataclass(frozen=True)
class Decision:
    """The decision rule and the coverage probability of the expanded uncertainty that it uses.

    `false_accept_max`: with `specific-risk`, the largest probability that an accepted item does not conform
    (None with the other rules).
    """

    rule: DecisionRule
    coverage_probability: float
    source: str
    unverified: bool
    false_accept_max: float | None = None


@dataclass(frozen=True)
class DripTime:
    """Drip time in seconds for nominal volumes up to `to_l` (None: for all larger)."""

    to_l: float | None
    seconds: float


@dataclass(frozen=True)
class DripTimes:
    """The drip times of a pack, ascending by nominal volume, and where they stand."""

    rows: tuple[DripTime, ...]
    source: str
    unverified: bool

    def seconds(self, nominal_l: float) -> float | None:
        """The drip time in s for a nominal volume in L, None where there is none."""
        for row in self.rows:
            if row.to_l is None or nominal_l <= row.to_l * (1 + 1e-9):
                return row.seconds
        return None


@dataclass(frozen=True)
class RulePack:
    """A rule pack. Months, years and drip times are None where it does not say.

    `revoked` says by what, empty while in force; a revoked pack decides nothing.
    `division_relative_max` is the largest scale division that it allows, relative to the nominal volume.
    `unverified` names the numbers, beside limit and decision, that were taken from memory: key → its value.
    """

    name: str
    title: str
    title_zh: str
    source: str
    revoked: str
    limit: ErrorLimit
    decision: Decision
    validity_months: int | None
    retention_years_after_validity: int | None
    drip_times: DripTimes | None
    division_relative_max: float | None
    unverified: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def obstacles(self) -> tuple[str, ...]:
        """Reasons in words why this pack may not decide a verdict; empty when it may."""
        found = []
        if self.revoked:
            found.append(f"the rules {self.name} are revoked ({self.revoked})")
        if self.limit.unverified:
            found.append(
                f"maximum_permissible_error of {self.name} is unverified: "
                "it counts once it is entered with its source"
            )
        if self.decision.unverified:
            found.append(
                f"decision of {self.name} is unverified: it counts once it is entered with its source"
            )
        found.extend(
            f"{key} of {self.name} ({value:g}) is unverified: it counts once it is entered with its source"
            for key, value in self.unverified.items()
        )
        return tuple(found)


def load_rule_pack(path: Path) -> RulePack:
    """The rule pack of a TOML file. Raises `RuleError` that names file, key and what is expected."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RuleError(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{path}: is not valid TOML: {error}") from error
    return parse_rule_pack(content, str(path))


def parse_rule_pack(content: Mapping[str, Any], where: str) -> RulePack:
    """The rule pack of a parsed TOML file; `where` names it in messages. Raises `RuleError`."""
    top = Section(content, where, missing=RuleError, wrong=RuleError)
    validity, retention = top.optional_section("validity"), top.optional_section("retention")
    scale = top.optional_section("scale")
    unverified: dict[str, float] = {}
    pack = RulePack(
        name=top.text("name"),
        title=top.text("title"),
        title_zh=top.optional_text("title_zh"),
        source=top.text("source"),
        revoked=top.optional_text("revoked"),
        limit=_limit(top.section("maximum_permissible_error")),
        decision=_decision(top.section("decision")),
        validity_months=_sourced_integer(validity, "months"),
        retention_years_after_validity=_sourced_integer(retention, "years_after_validity"),
        drip_times=_drip_times(top.optional_section("drip_time")),
        division_relative_max=_sourced_number(scale, "division_relative_max", unverified),
        unverified=unverified,
    )
    top.finish()
    return pack


def _limit(section: Section) -> ErrorLimit:
    forms = [form for form in _LIMIT_FORMS if section.has(form)]
    if len(forms) != 1:
        raise section.fail(
            "", f"must hold exactly one of {', '.join(_LIMIT_FORMS)}, not {', '.join(forms) or 'none'}"
        )
    rows: tuple[LimitRow, ...] = ()
    divisions = section.optional_number("divisions", above=0)
    if forms == ["rows"]:
        rows = tuple(_limit_row(row) for row in section.sections("rows"))
        _demand_apart(section, rows)
    elif forms == ["not_stated"]:
        if not section.flag("not_stated", default=False):
            raise section.fail("not_stated", "must be true, or left out where the rules have a limit")
    elif divisions is None:
        relative, limit_ml = (
            section.optional_number("relative", above=0),
            section.optional_number("limit_ml", above=0),
        )
        rows = (LimitRow(None, None, limit_ml, relative),)
    limit = ErrorLimit(divisions, rows, section.text("source"), section.flag("unverified", default=False))
    section.finish()
    return limit


def _limit_row(section: Section) -> LimitRow:
    row = LimitRow(
        from_l=section.optional_number("from_l", at_least=0),
        to_l=section.optional_number("to_l", above=0),
        limit_ml=section.optional_number("limit_ml", above=0),
        relative=section.optional_number("relative", above=0),
    )
    if (row.limit_ml is None) == (row.relative is None):
        raise section.fail("", "must hold exactly one of limit_ml, relative")
    if row.from_l is not None and row.to_l is not None and row.from_l > row.to_l:
        raise section.fail("from_l", f"must not lie above to_l ({row.to_l:g}), not {row.from_l:g}")
    section.finish()
    return row


def _demand_apart(section: Section, rows: tuple[LimitRow, ...]) -> None:
    """Rows ascend and touch at most in one volume, where the first one counts."""
    for i, (row, after) in enumerate(pairwise(rows)):
        if row.to_l is None or after.from_l is None or after.from_l < row.to_l:
            raise section.fail(
                f"rows[{i + 1}].from_l", f"must not lie below to_l of the row before ({row.to_l})"
            )


def _decision(section: Section) -> Decision:
    rule = DecisionRule(section.text("rule", among=[rule.value for rule in DecisionRule]))
    risky = rule is DecisionRule.SPECIFIC_RISK
    decision = Decision(
        rule=rule,
        coverage_probability=section.number("coverage_probability", above=0.5, at_most=0.9999),
        source=section.text("source"),
        unverified=section.flag("unverified", default=False),
        false_accept_max=section.number("false_accept_max", above=0, at_most=0.5) if risky else None,
    )
    section.finish()
    return decision


def _drip_times(section: Section | None) -> DripTimes | None:
    if section is None:
        return None
    times = []
    for row in section.sections("rows"):
        times.append(DripTime(row.optional_number("to_l", above=0), row.number("seconds", at_least=0)))
        row.finish()
    for i, (row_before, after) in enumerate(pairwise(times)):
        if row_before.to_l is None or (after.to_l is not None and after.to_l <= row_before.to_l):
            raise section.fail(
                f"rows[{i + 1}].to_l", f"must lie above that of the row before ({row_before.to_l})"
            )
    found = DripTimes(tuple(times), section.text("source"), section.flag("unverified", default=False))
    section.finish()
    return found


def _sourced_integer(section: Section | None, key: str) -> int | None:
    if section is None:
        return None
    value = section.integer(key, at_least=1)
    section.text("source")
    section.finish()
    return value


def _sourced_number(section: Section | None, key: str, unverified: dict[str, float]) -> float | None:
    if section is None:
        return None
    value = section.number(key, above=0)
    section.text("source")
    if section.flag("unverified", default=False):
        unverified[key] = value
    section.finish()
    return value
