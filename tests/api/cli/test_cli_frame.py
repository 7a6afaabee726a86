"""The command's frame: words, exit statuses, and one sentence for every mistake."""

import pytest

import api.cli
from api.cli import COMMANDS, AnswerIsNoError, ExitStatus, ReaderFaultError, UsageError, exit_status, run
from api.errors import BusyError, NotFoundError, RecordError, SettingsError, TwinError
from calibration.errors import RuleError, UnknownQuantityError
from control.errors import ConfigurationError, HeldError, LinkError
from vision.errors import CameraError, FrameError, ImageSetError, StationError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigurationError(""), 2),
        (StationError(""), 2),
        (ImageSetError(""), 2),
        (RuleError(""), 2),
        (SettingsError(""), 2),
        (NotFoundError(""), 2),
        (UsageError(""), 2),
        (FileNotFoundError(""), 2),
        (LinkError(""), 3),
        (HeldError(""), 3),
        (CameraError(""), 3),
        (TwinError(""), 3),
        (BusyError(""), 3),
        (AnswerIsNoError(""), 1),
        (RecordError(""), 1),
        (UnknownQuantityError(""), 1),
        (FrameError(""), 1),
        (ReaderFaultError(""), 70),
        (ZeroDivisionError(""), 70),
    ],
)
def test_each_exception_has_its_exit_status(error: Exception, expected: int) -> None:
    """0 done, 1 no, 2 configuration, 3 rig or camera, 70 a fault of the program: decided in one place."""
    assert expected == exit_status(error)


def _raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Add a command `break` that raises `error`."""

    def broken() -> None:
        """Break."""
        raise error

    monkeypatch.setattr(api.cli, "broken", broken, raising=False)
    monkeypatch.setitem(COMMANDS, "break", "api.cli:broken")


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (StationError("a.toml: x is 1;\n expected 2"), 2, "tankcal: a.toml: x is 1; expected 2\n"),
        (CameraError("camera: late"), 3, "tankcal: camera: late\n"),
        (AnswerIsNoError(), 1, ""),
        (FileNotFoundError(2, "No such file", "a.toml"), 2, "tankcal: a.toml: No such file\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    sentence: str,
) -> None:
    """An exception becomes one line on standard error, nothing on standard output, and its status."""
    _raising(monkeypatch, error)
    assert status == run(["break"])
    assert ("", sentence) == capsys.readouterr()


def test_a_fault_of_the_program_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception is no traceback for users, and developers can have it."""
    _raising(monkeypatch, ZeroDivisionError("division by zero"))
    monkeypatch.delenv("TANKCAL_TRACEBACK", raising=False)
    assert ExitStatus.FAULT == run(["break"])
    error = capsys.readouterr().err
    assert "a fault of this program: ZeroDivisionError: division by zero" in error
    assert "Traceback" not in error
    monkeypatch.setenv("TANKCAL_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run(["break"])


@pytest.mark.parametrize("arguments", [["reed"], ["read", "--fast"], ["--colour"], ["read"]])
def test_a_wrong_command_line_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown word or option, or a missing argument, is status 2 and one line that names it."""
    assert ExitStatus.CONFIGURATION == run(arguments)
    output = capsys.readouterr()
    assert "" == output.out
    assert 1 == output.err.count("\n")
    assert output.err.startswith("tankcal: ")


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the installed version and ends with 0."""
    from importlib.metadata import version

    assert ExitStatus.DONE == run(["--version"])
    assert f"tankcal {version('tankcal')}\n" == capsys.readouterr().out


@pytest.mark.parametrize("word", list(COMMANDS))
def test_every_command_has_help_with_an_example(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each word of the table is there, and its help shows how it is used."""
    assert ExitStatus.DONE == run([word, "--help"])
    assert "Example" in capsys.readouterr().out


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`tankcal --help` names each command."""
    assert ExitStatus.DONE == run(["--help"])
    text = capsys.readouterr().out
    assert [] == [word for word in COMMANDS if word not in text]
