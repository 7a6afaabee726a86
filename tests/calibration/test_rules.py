"""Rule packs: those of the project load, and whatever is wrong in one is named by file and key."""

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calibration.errors import RuleError, UnknownQuantityError
from calibration.rules import DecisionRule, load_rule_pack, parse_rule_pack

RULES = Path(__file__).resolve().parents[2] / "configs" / "rules"


def taiwan() -> dict[str, Any]:
    """The Taiwanese pack, parsed, to be spoilt by a test."""
    return tomllib.loads((RULES / "tw-owner-standard-measure.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(RULES.glob("*.toml")), ids=lambda p: p.stem)
def test_packs_of_the_project_load(path: Path) -> None:
    """Every pack loads, is named after its file, and gives the source of its limit and its decision rule."""
    pack = load_rule_pack(path)
    assert pack.name == path.stem
    assert pack.limit.source
    assert pack.decision.source


def test_taiwan_limit_is_one_division() -> None:
    """The limit is one division of the item; without a division it is not known."""
    pack = load_rule_pack(RULES / "tw-owner-standard-measure.toml")
    assert pack.limit.limit_ml(20.0, 20.0) == 20.0
    assert (pack.validity_months, pack.retention_years_after_validity) == (12, 2)
    assert pack.decision.rule is DecisionRule.GUARD_BAND
    with pytest.raises(UnknownQuantityError, match=r"measure\.scale_division_ml is not known"):
        pack.limit.limit_ml(20.0, None)


def test_uk_limits_are_those_of_the_schedule(oracle: Callable[[str], Any]) -> None:
    """Every row of the schedule is in the pack; sizes between its rows have no limit."""
    schedule = oracle("legal_rules.json")["UK_SI_1987_51_schedule"]["capacity_measure_limit_ml"]
    pack = load_rule_pack(RULES / "uk-si-1987-51.toml")
    for size, limit in schedule.items():
        if size == ">10 l":
            continue
        number, unit = size.split()
        for nominal in number.split("-"):
            nominal_l = float(nominal) * (1.0 if unit == "l" else 1e-3)
            assert pack.limit.limit_ml(nominal_l, None) == limit
    assert pack.limit.limit_ml(20.0, None) == pytest.approx(20.0)
    assert pack.limit.limit_ml(3.0, None) is None
    assert pack.obstacles() == ("the rules uk-si-1987-51 are revoked (1991, by SI 1990/2626)",)


def test_china_class_1() -> None:
    """±5e-5 of nominal is 1 mL on 20 L; the division may be 0.5 mL."""
    pack = load_rule_pack(RULES / "cn-class-1.toml")
    assert pack.limit.limit_ml(20.0, None) == pytest.approx(1.0)
    assert pack.division_relative_max == 2.5e-5
    assert pack.obstacles() == ()


def without_source(pack: dict[str, Any]) -> None:
    """Takes the source of the limit away."""
    del pack["maximum_permissible_error"]["source"]


def with_two_limits(pack: dict[str, Any]) -> None:
    """Gives a second form of limit."""
    pack["maximum_permissible_error"]["relative"] = 1e-4


def with_unknown_key(pack: dict[str, Any]) -> None:
    """Misspells a key."""
    pack["validity"]["month"] = 6


def with_unknown_rule(pack: dict[str, Any]) -> None:
    """Names a rule that there is not."""
    pack["decision"]["rule"] = "coin"


def with_text_for_number(pack: dict[str, Any]) -> None:
    """Writes a number as text."""
    pack["maximum_permissible_error"]["divisions"] = "1"


def with_truth_for_number(pack: dict[str, Any]) -> None:
    """Writes true for a number."""
    pack["decision"]["coverage_probability"] = True


def with_rows_that_overlap(pack: dict[str, Any]) -> None:
    """Gives rows that claim the same volume."""
    pack["maximum_permissible_error"] = {
        "source": "s",
        "rows": [{"from_l": 1.0, "to_l": 5.0, "limit_ml": 1.0}, {"from_l": 4.0, "limit_ml": 2.0}],
    }


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without_source, r"x\.toml: maximum_permissible_error\.source is missing: expected a text"),
        (with_two_limits, r"maximum_permissible_error must hold exactly one of .*, not divisions, relative"),
        (with_unknown_key, r"x\.toml: validity\.month is not known here; expected are months, source"),
        (with_unknown_rule, r"decision\.rule must be one of simple, guard-band, specific-risk, not 'coin'"),
        (with_text_for_number, r"maximum_permissible_error\.divisions must be a number above 0, not '1'"),
        (with_truth_for_number, r"decision\.coverage_probability must be a number .*, not True"),
        (with_rows_that_overlap, r"rows\[1\]\.from_l must not lie below to_l of the row before \(5.0\)"),
    ],
)
def test_a_spoilt_pack_is_named(spoil: Callable[[dict[str, Any]], None], sentence: str) -> None:
    """One sentence names file, key and what is expected."""
    pack = copy.deepcopy(taiwan())
    spoil(pack)
    with pytest.raises(RuleError, match=sentence):
        parse_rule_pack(pack, "x.toml")


def test_files_that_are_no_packs(tmp_path: Path) -> None:
    """A file that is missing, no TOML or no text is named."""
    with pytest.raises(RuleError, match=r"none\.toml: cannot be read: No such file"):
        load_rule_pack(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises(RuleError, match=r"bad\.toml: is not valid TOML"):
        load_rule_pack(tmp_path / "bad.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(RuleError, match=r"latin\.toml: is not UTF-8 text"):
        load_rule_pack(tmp_path / "latin.toml")


def test_what_was_seen_and_what_is_from_memory(oracle: Callable[[str], Any]) -> None:
    """Numbers seen in their source may decide; those from memory name themselves as unverified."""
    rules = oracle("legal_rules.json")
    us = load_rule_pack(RULES / "us-nist-hb-105-3.toml")
    assert us.obstacles() == ()
    assert us.limit.limit_ml(757.0, None) == pytest.approx(757.0 * 0.2)
    assert us.drip_times is not None
    assert (us.drip_times.seconds(20.0), us.drip_times.unverified) == (30.0, False)
    for name, key in (("OIML_R120", "numbers"), ("CN_class1_JJG", "class2")):
        assert "MEMORY" in rules[name][key]
    for name in ("oiml-r-120", "cn-class-2", "us-nist-hb-105-3-hand-held"):
        (obstacle,) = load_rule_pack(RULES / f"{name}.toml").obstacles()
        assert obstacle == (
            f"maximum_permissible_error of {name} is unverified: it counts once it is entered with its source"
        )


def test_canadian_drain_times(oracle: Callable[[str], Any]) -> None:
    """Every drain time of the manual; it has no limit of error, so the pack has none."""
    pack = load_rule_pack(RULES / "ca-measurement-canada.toml")
    assert pack.drip_times is not None
    for size, seconds in oracle("legal_rules.json")["CA_drain_times"]["rows_L_s"]:
        nominal = 50000.0 if isinstance(size, str) else size
        assert pack.drip_times.seconds(nominal) == seconds
    assert (pack.limit.stated, pack.limit.limit_ml(20.0, None)) == (False, None)


def test_an_unverified_number_beside_the_limit_is_named() -> None:
    """A largest division from memory keeps the verdict away, with its value."""
    content = tomllib.loads((RULES / "cn-class-1.toml").read_text(encoding="utf-8"))
    content["scale"]["unverified"] = True
    assert parse_rule_pack(content, "x.toml").obstacles() == (
        "division_relative_max of cn-class-1 (2.5e-05) is unverified: "
        "it counts once it is entered with its source",
    )


def test_a_risk_belongs_to_its_rule() -> None:
    """Specific risk needs its limit, and no other rule takes one."""
    content = taiwan()
    content["decision"]["rule"] = "specific-risk"
    with pytest.raises(RuleError, match=r"decision\.false_accept_max is missing: expected a number above 0"):
        parse_rule_pack(content, "x.toml")
    content["decision"]["false_accept_max"] = 0.025
    assert parse_rule_pack(content, "x.toml").decision.false_accept_max == 0.025
    content["decision"]["rule"] = "simple"
    with pytest.raises(RuleError, match=r"decision\.false_accept_max is not known here"):
        parse_rule_pack(content, "x.toml")
