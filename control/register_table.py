"""`docs/reference/registers.md`: the register maps of `configs/rigs/` as tables, from
`python -m control.register_table`."""

from collections.abc import Sequence
from pathlib import Path

from control.outputs import FIRST_OF_BENCH, ORDER
from control.register_words import Table
from control.registers import Commands, RegisterMap, Tag, load_register_map

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "reference" / "registers.md"
TITLES = {
    Table.COIL: "Coils",
    Table.DISCRETE: "Discrete inputs",
    Table.HOLDING: "Holding registers",
    Table.INPUT: "Input registers",
}


def document(maps: Sequence[RegisterMap]) -> str:
    """The whole text."""
    lines = [
        "# Registers",
        "",
        "Made from the files in `configs/rigs/` by `python -m control.register_table`; a test says when it",
        "is out of date. Addresses count from 0. Two registers have the word order of their map; float32 is",
        "IEEE 754. value = raw × scale + offset; a value outside its range counts as unknown.",
        "[What the device's program must do](../how-to/connect-a-plc.md).",
        "",
    ]
    for register_map in maps:
        lines += _of_map(register_map)
    return "\n".join(lines)


def _of_map(register_map: RegisterMap) -> list[str]:
    link, commands = register_map.link, register_map.commands
    lines = [
        f"## {register_map.name}",
        "",
        f"`configs/rigs/{Path(register_map.file).name}`: {link.transport}, device {link.device_id}, "
        f"heartbeat T = {link.heartbeat_s:g} s.",
        "",
    ]
    for table in Table:
        tags = sorted((tag for tag in register_map.tags.values() if tag.table is table), key=_address)
        rows = [(tag.address, _row(tag)) for tag in tags]
        if table is commands.table and register_map.outputs is None:
            rows += [(commands.address, _command_row(commands))]
        if table is Table.COIL and register_map.outputs is not None:
            first = register_map.outputs.address
            rows += [
                (at, f"| {at} | {name} | bool | 1 | | written together with its neighbours, read back |")
                for at, name in enumerate(ORDER, first)
            ]
            reset = register_map.outputs.reset
            rows += [
                (reset, f"| {reset} | reset | bool | 1 | | lets the watchdog's outputs be written again |")
            ]
        if not rows:
            continue
        lines += [
            f"### {TITLES[table]}",
            "",
            "| address | name | type | unit | range | meaning |",
            "|---|---|---|---|---|---|",
            *(row for _, row in sorted(rows)),
            "",
        ]
    lines += ["### Commands", "", "| opcode | command |", "|---|---|"]
    lines += [f"| {number} | {name} |" for name, number in commands.opcodes.items()]
    return [*lines, ""]


def _address(tag: Tag) -> int:
    return tag.address


def _row(tag: Tag) -> str:
    low, high = tag.range
    scale = "" if tag.scale == 1.0 and tag.offset == 0.0 else f", × {tag.scale:g}"
    offset = "" if tag.offset == 0.0 else f" {tag.offset:+g}"
    span = "" if tag.table.is_bits else f"{low:g} to {high:g}"
    own = " (answered by the bench itself)" if tag.address >= FIRST_OF_BENCH else ""
    written = " (written by the bench)" if tag.writable else ""
    meaning = f"{tag.describe}{written}{own}"
    return f"| {tag.address} | {tag.name} | {tag.type}{scale}{offset} | {tag.unit} | {span} | {meaning} |"


def _command_row(commands: Commands) -> str:
    last = commands.address + Commands.WIDTH - 1
    meaning = "one write: sequence, opcode (uint16 each), argument 1, argument 2 (float32 each)"
    return f"| {commands.address}–{last} | command block | {Commands.WIDTH} registers | | | {meaning} |"


def shipped() -> list[RegisterMap]:
    """The maps of `configs/rigs/`, by their files' names."""
    return [load_register_map(path) for path in sorted((ROOT / "configs" / "rigs").glob("*.toml"))]


if __name__ == "__main__":
    DOCUMENT.write_text(document(shipped()), encoding="utf-8")
