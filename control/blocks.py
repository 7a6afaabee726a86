"""The typed steps of a procedure, as its file lists them: `[[steps]]`, each with `do` and its own keys.

A block says what is wanted; `control.steps.plan` turns it into the steps that do it. A new type is a class
here, its line in `BLOCKS`, and its steps there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal, get_args

from control.prompts import Prompt, take_prompt
from control.toml_table import TomlTable

Plain = Literal["empty", "soak", "prewet"]


@dataclass(frozen=True)
class Once:
    """A step that needs no figures of its own."""

    do: Plain


@dataclass(frozen=True)
class Confirm:
    """A technician's hands: the run waits until a person has answered."""

    prompt: Prompt


@dataclass(frozen=True)
class Deliveries:
    """Weighed deliveries: empty, then at each of the rising `targets` fill, read and weigh; drain, weigh."""

    repeats: int
    targets: tuple[float, ...]


@dataclass(frozen=True)
class Neck:
    """Weighed levels: empty, then up through the rising `targets` (fill, read, weigh) and down again, where a
    technician lets water out to each; drain, weigh.

    The prompt's text says `{target}` where the level stands.
    """

    repeats: int
    targets: tuple[float, ...]
    prompt: Prompt

    def prompt_at(self, target: float) -> Prompt:
        """The prompt for one level on the way down."""
        text = {language: said.replace(PLACE, f"{target:g}") for language, said in self.prompt.text.items()}
        return replace(self.prompt, text=text)


PLACE: Final = "{target}"


@dataclass(frozen=True)
class Metered:
    """Filled through the master meter: empty, then at each of the rising `targets` fill, read and note the
    meter; drain.
    """

    repeats: int
    targets: tuple[float, ...]


@dataclass(frozen=True)
class LeakTest:
    """Fill to `target`, close everything, and look at the level `looks` times within `wait_s`; then drain."""

    target: float
    wait_s: float
    looks: int


@dataclass(frozen=True)
class Dry:
    """Empty, then leave the drain open for `wait_s`, and close it."""

    wait_s: float


@dataclass(frozen=True)
class Receive:
    """Filled by hand from a standard measure, in so many `deliveries`, each asked for by `prompt`; then read.

    The prompt asks for `STANDARD_ASKED`: the standard's neck reading in mL and its water's temperature.
    """

    repeats: int
    deliveries: int
    prompt: Prompt


STANDARD_ASKED: Final = frozenset({"standard_reading_ml", "standard_temperature_c"})

Block = Once | Confirm | Deliveries | Neck | Metered | LeakTest | Dry | Receive


def take_blocks(root: TomlTable) -> tuple[Block, ...]:
    """The blocks under `steps`, at least one. Raises `ConfigurationError`: file, key, what is expected."""
    blocks = []
    for table in root.take_tables("steps", least=1):
        do = table.take_text("do", choices=tuple(BLOCKS))
        blocks.append(BLOCKS[do](table, do))
        table.finish()
    return tuple(blocks)


def targets_of(block: Block) -> tuple[float, ...]:
    """The levels that a block fills to, in scale units."""
    match block:
        case Deliveries() | Neck() | Metered():
            return block.targets
        case LeakTest():
            return (block.target,)
        case _:
            return ()


def _once(table: TomlTable, do: str) -> Once:
    del table
    for known in get_args(Plain):
        if do == known:
            return Once(known)
    raise AssertionError(do)


def _confirm(table: TomlTable, _do: str) -> Confirm:
    return Confirm(take_prompt(table))


def _deliveries(table: TomlTable, _do: str) -> Deliveries:
    return Deliveries(table.take_int("repeats", 1, 100), _rising(table, "targets"))


def _neck(table: TomlTable, _do: str) -> Neck:
    block = Neck(table.take_int("repeats", 1, 100), _rising(table, "targets"), take_prompt(table))
    if len(block.targets) < 2:
        raise table.error("targets", "expected two levels or more: the way down begins under the highest")
    if any(PLACE not in said for said in block.prompt.text.values()):
        raise table.error("text", f"expected {PLACE} in each language, where the level stands")
    return block


def _metered(table: TomlTable, _do: str) -> Metered:
    return Metered(table.take_int("repeats", 1, 100), _rising(table, "targets"))


def _leak_test(table: TomlTable, _do: str) -> LeakTest:
    return LeakTest(
        table.take_number("target"), table.take_number("wait_s", above=0.0), table.take_int("looks", 3, 1000)
    )


def _dry(table: TomlTable, _do: str) -> Dry:
    return Dry(table.take_number("wait_s", least=0.0))


def _receive(table: TomlTable, _do: str) -> Receive:
    block = Receive(
        table.take_int("repeats", 1, 100), table.take_int("deliveries", 1, 100), take_prompt(table)
    )
    if {question.name for question in block.prompt.questions} != STANDARD_ASKED:
        raise table.error("ask", f"expected questions named {' and '.join(sorted(STANDARD_ASKED))}")
    return block


def _rising(table: TomlTable, name: str) -> tuple[float, ...]:
    targets = table.take_numbers(name, least=1, most=1000)
    if any(not low < high for low, high in pairwise(targets)):
        raise table.error(name, "expected levels that rise: each is approached from below")
    return targets


BLOCKS: Final[Mapping[str, Callable[[TomlTable, str], Block]]] = MappingProxyType(
    {
        **dict.fromkeys(get_args(Plain), _once),
        "confirm": _confirm,
        "deliveries": _deliveries,
        "neck": _neck,
        "metered": _metered,
        "leak-test": _leak_test,
        "dry": _dry,
        "receive": _receive,
    }
)
