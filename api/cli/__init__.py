"""The command `tankcal`, one file a group of commands.

To add a command: write `api/cli/<word>.py` with a typer function (or a `typer.Typer` for a group of commands)
and name it in `COMMANDS`. Its module is imported only when the command runs or its help is shown, so that
`tankcal read` does not wait for the web service's libraries. A command raises its room's exceptions as they
are; what they mean for the exit status stands in `exit_status` alone:

0 done · 1 the answer is no · 2 usage or configuration · 3 the rig or a camera failed · 130 interrupted ·
70 a fault of this program.
"""

import os
import sys
from collections.abc import Sequence
from enum import IntEnum
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS: dict[str, str] = {  # word → module:function (or module:Typer), in the order that the help shows
    "demo": "api.cli.demo:demo",
    "serve": "api.cli.serve:serve",
    "run": "api.cli.run:run",
    "read": "api.cli.read:read",
    "record": "api.cli.record:record",
    "annotate": "api.cli.annotate:annotate",
    "replay": "api.cli.replay:replay",
    "fit": "api.cli.fit:fit",
    "table": "api.cli.tables:tables",
    "qualify": "api.cli.qualify:qualify",
    "simulate-rig": "api.cli.simulate_rig:simulate_rig",
    "openapi": "api.cli.openapi:openapi",
    "station": "api.cli.station:station",
}


class ExitStatus(IntEnum):
    """What the command's exit status means."""

    DONE = 0
    NO = 1
    CONFIGURATION = 2
    RIG = 3
    FAULT = 70
    INTERRUPTED = 130


class AnswerIsNoError(Exception):
    """The command did its work and the answer is no (refused, failed, differs); exit status 1.

    With a message, the message goes to standard error as one sentence.
    """


class UsageError(Exception):
    """What was asked for cannot be done as it was asked; exit status 2. The message says what is expected."""


class ReaderFaultError(Exception):
    """A reader broke on a picture: a fault of this program that one picture must not hide; exit status 70."""


def exit_status(error: Exception) -> ExitStatus:
    """The exit status for an exception of the rooms: the one place that says what they mean to a caller."""
    from api.errors import ApiError, BusyError, RecordError, TwinError
    from calibration.errors import CalibrationError, RuleError
    from control.errors import ConfigurationError, HeldError, RigError
    from vision.errors import CameraError, ImageSetError, StationError, VisionError

    by_kind: tuple[tuple[type[Exception], ExitStatus], ...] = (
        (UsageError, ExitStatus.CONFIGURATION),
        (ConfigurationError, ExitStatus.CONFIGURATION),
        (StationError, ExitStatus.CONFIGURATION),
        (ImageSetError, ExitStatus.CONFIGURATION),
        (RuleError, ExitStatus.CONFIGURATION),
        (BusyError, ExitStatus.RIG),
        (TwinError, ExitStatus.RIG),
        (RigError, ExitStatus.RIG),
        (HeldError, ExitStatus.RIG),
        (CameraError, ExitStatus.RIG),
        (AnswerIsNoError, ExitStatus.NO),
        (RecordError, ExitStatus.NO),  # a record that is not as it was written
        (ApiError, ExitStatus.CONFIGURATION),
        (CalibrationError, ExitStatus.NO),  # the data do not allow a result
        (VisionError, ExitStatus.NO),
        (OSError, ExitStatus.CONFIGURATION),  # a path or a port that the user named
    )
    return next((status for kind, status in by_kind if isinstance(error, kind)), ExitStatus.FAULT)


class _Commands(TyperGroup):
    """The words of `COMMANDS`, each imported when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            module, name = COMMANDS[cmd_name].split(":")
            command = getattr(import_module(module), name)
            if not isinstance(command, typer.Typer):
                alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
                alone.command(cmd_name)(command)
                command = alone
            self.commands[cmd_name] = get_command(command)
        return self.commands[cmd_name]


app = typer.Typer(cls=_Commands, add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tankcal {version('tankcal')}")
        raise typer.Exit


@app.callback()
def tankcal(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Verify and calibrate volumetric measures and tanks with computer vision.

    Example: `tankcal demo` verifies a 20 L measure on a simulated rig.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status; errors become one sentence on standard error."""
    try:
        returned = get_command(app).main(arguments, prog_name="tankcal", standalone_mode=False)
        return returned if isinstance(returned, int) else ExitStatus.DONE
    except typer.TyperException as error:  # an option or argument that isn't one
        if message := error.format_message():
            _complain(message)
        return ExitStatus.CONFIGURATION
    except (typer.Abort, KeyboardInterrupt):
        return ExitStatus.INTERRUPTED
    except Exception as error:  # the last stop before a person: each exception becomes one sentence
        if os.environ.get("TANKCAL_TRACEBACK"):  # for developers
            raise
        status = exit_status(error)
        if status is ExitStatus.FAULT and not isinstance(error, ReaderFaultError):
            _complain(
                f"a fault of this program: {type(error).__name__}: {error} "
                "(set TANKCAL_TRACEBACK=1 to see where, and please report it)"
            )
        elif message := _sentence(error):
            _complain(message)
        return status


def main() -> None:
    """Entry point of the command `tankcal`."""
    sys.exit(run())


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _complain(message: str) -> None:
    sys.stderr.write(f"tankcal: {' '.join(message.split())}\n")
