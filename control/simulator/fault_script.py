"""A script of faults from a TOML file: what goes wrong, when, for how long.

```toml
[[faults]]
fault = "valve-stuck-open"    # a name of `control.simulator.faults`, and its parameters
valve = "coarse"
during = "fill-coarse"        # or at_s = 120.0, of the rig's clock
after_s = 2.0                 # after that has begun; 0 where it is not given
occurrence = 2                # the how-manieth time; 1 where it is not given
for_s = 30.0                  # it lasts to the end where it is not given
```
"""

from collections.abc import Sequence
from pathlib import Path

from control.errors import ConfigurationError
from control.simulator.fault_board import CONDITIONS, Scripted
from control.simulator.faults import describe_fault
from control.toml_table import TomlTable

TIMES = ("fault", "at_s", "during", "after_s", "occurrence", "for_s")


def load_fault_script(path: Path, cameras: Sequence[str]) -> tuple[Scripted, ...]:
    """The faults of the file in its order. Raises `ConfigurationError`: file, key and what is expected.

    `cameras` are the names of the twin's cameras, the neck's first.
    """
    root = TomlTable.load(path)
    if "faults" not in root:
        raise root.error("faults", "missing; expected at least one [[faults]]")
    entries = root.peek("faults")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise root.error("faults", "expected at least one [[faults]]")
    unknown = [name for name in root.names() if name != "faults"]
    if unknown:
        raise root.error(unknown[0], "unknown key; expected [[faults]]")
    return tuple(
        _scripted(TomlTable(entry, str(path), f"faults[{number}]"), entry, cameras)
        for number, entry in enumerate(entries, start=1)
    )


def _scripted(table: TomlTable, entry: dict[str, object], cameras: Sequence[str]) -> Scripted:
    name = table.take_text("fault")
    if ("at_s" in table) == ("during" in table):
        raise table.error("at_s", "expected either at_s or during")
    at_s = table.take_number("at_s", least=0.0) if "at_s" in table else None
    during = table.take_text("during", choices=tuple(CONDITIONS)) if "during" in table else None
    if during is None:
        for key in ("after_s", "occurrence"):
            if key in table:
                raise table.error(key, "expected only together with during")
    after_s = table.take_number("after_s", least=0.0, default=0.0)
    occurrence = table.take_int("occurrence", 1, 10_000, default=1)
    for_s = table.take_number("for_s", above=0.0) if "for_s" in table else None
    parameters = {key: value for key, value in entry.items() if key not in TIMES}
    try:
        fault = describe_fault(name, parameters, cameras)
    except ValueError as error:
        raise ConfigurationError(f"{table.file}: {table.path}.{error}") from None
    return Scripted(fault, at_s, during, after_s, occurrence, for_s)
