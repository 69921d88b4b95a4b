"""`record`: records every transaction on a device, shows what goes on meanwhile, and writes files."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError
from emulator.base.interruption import Interrupted, at_a_prompt
from emulator.base.printable import show
from emulator.base.progress import report
from harness.commands.options import (
    ActivityStandin,
    Cold,
    Host,
    Target,
    activity_manager,
    with_start_options,
)

if TYPE_CHECKING:
    from harness.agent.program import RemoteProgram
    from harness.commands.recording.record_view import RecordView
    from harness.device.device import Device
    from harness.framework.transaction_codes import CodeNames
    from harness.recording.live import Recorder

DEFAULT_FILE = Path("recording.json")
POLL_SECONDS = 0.2
"""How often the end of the recording is looked for."""
STATUS_SECONDS = 10.0
"""How long a command that has ended may take to report its exit status."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("record", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def record(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND]", help="Record until this command on the device has ended."),
    ] = None,
    target: Target = "embedded",
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write FILE, whose ending is .json, .txt, .mmd (Mermaid), .svg, .perfetto-trace or .pftrace "
            f"(Perfetto); may be repeated. Default: {DEFAULT_FILE}.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds", min=0.1, metavar="SECONDS", help="Record for so long; default: until Ctrl-C."
        ),
    ] = None,
    aidl: Annotated[
        list[Path] | None,
        typer.Option(
            "--aidl",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Name methods by the .aidl files below DIR; may be repeated.",
        ),
    ] = None,
    framework_jar: Annotated[
        bool,
        typer.Option(
            "--framework-jar",
            help="Fetch the device's framework.jar, some 40 MB, and name the methods of its interfaces.",
        ),
    ] = False,
    buffer_kib: Annotated[
        int | None,
        typer.Option(
            "--buffer-kib",
            min=16,
            max=1 << 20,
            metavar="KIB",
            help="The kernel's buffer for each processor, where events are lost. Default: 8192.",
        ),
    ] = None,
    cold: Cold = False,
    host: Host = None,
    activity_standin: ActivityStandin = False,
) -> None:
    """Record every transaction on a device, until Ctrl-C or a command's end.

    \b
    binder-harness record --target adb
    binder-harness record --target adb -o day.perfetto-trace --seconds 60
    binder-harness record -o list.txt -o list.svg -- service list
    binder-harness record --activity-standin -- cmd activity broadcast -a a.B
    binder-harness record -- sh -c 'service list; service check activity'

    Meanwhile a table shows who calls whom: calls a second, quantiles of their round trips, sizes, failures.
    Then files are written; their endings say which. A Perfetto trace opens in Perfetto's UI and trace
    processor. Events that were lost are counted, and reported in every file.

    Options come before the command. Its words are passed on as they are; a single word is a line
    for the device's shell. The exit status is the command's; 0 after Ctrl-C, and where --seconds
    ended the command. The device needs root and tracefs.
    """
    from harness.commands.recording.record_view import record_view, show_summary
    from harness.device.device import open_device
    from harness.recording.aidl import read_aidl
    from harness.recording.exports.files import export_to
    from harness.recording.live import BUFFER_KIB, follow_transactions
    from harness.report.stored import check_writable

    files = output or [DEFAULT_FILE]
    for file in files:
        check_writable(file)
    exports = [export_to(file) for file in files]
    methods = read_aidl(*(aidl or []))
    status = 0
    with (
        open_device(with_start_options(target, cold=cold, host=host)) as device,
        activity_manager(device, standin=activity_standin),
    ):
        names = _names(device, methods, framework_jar=framework_jar)
        recorder = None
        try:
            with (
                follow_transactions(
                    device, *exports, names=names, buffer_kib=buffer_kib or BUFFER_KIB
                ) as recorder,
                record_view(recorder) as view,
                _started(device, command) as program,
            ):
                end = f"the end of {' '.join(command)}" if command else "Ctrl-C"
                begun = (
                    f"recording {device.serial} until {end}{f', {seconds:g} s at most' if seconds else ''}"
                )
                status = _wait(recorder, view, program, seconds, begun)
        except HarnessError:
            if recorder is not None:
                show_summary(recorder)
            device.raise_if_lost()
            raise
        show_summary(recorder)
        for file in files:
            report(f"wrote {file}, {file.stat().st_size:,} bytes")
    raise typer.Exit(status)


@contextlib.contextmanager
def _started(device: Device, command: list[str] | None) -> Iterator[RemoteProgram | None]:
    if not command:
        yield None
        return
    with device.program(["sh", "-c", *command] if len(command) == 1 else command) as program:
        yield program.resume()


def _wait(
    recorder: Recorder, view: RecordView, program: RemoteProgram | None, seconds: float | None, begun: str
) -> int:
    """Until Ctrl-C, the limit, the command's end, or a failure; the exit status to end with."""
    started = time.monotonic()
    try:
        with at_a_prompt():  # where Ctrl-C ends the recording, and not the run
            report(begun)  # not before: who reads it may end the recording at once
            while recorder.failure is None:
                view.update()
                if seconds is not None and time.monotonic() >= started + seconds:
                    if program is not None:
                        report(f"the command had not ended after {seconds:g} s (--seconds), and was killed")
                    break
                if program is None:
                    time.sleep(POLL_SECONDS)
                elif _command_ended(program):
                    return _status(program)
    except KeyboardInterrupt as interruption:
        if isinstance(interruption, Interrupted):
            raise
    return 0


def _command_ended(program: RemoteProgram) -> bool:
    """Show what the command has printed; whether that was all."""
    deadline = Deadline(POLL_SECONDS)
    while not deadline.expired:
        try:
            line = program.line(deadline)
        except TimeLimitError:
            return False
        if line is None:
            return True
        show(line, flush=True)
    return False


def _status(program: RemoteProgram) -> int:
    status = program.wait(Deadline(STATUS_SECONDS))
    if program.standard_error:
        show(program.standard_error, end="", errors=True)
    return status.in_shell


def _names(device: Device, methods: Mapping[str, Mapping[int, str]], *, framework_jar: bool) -> CodeNames:
    """The names that the user gave, then those that the device has, then the known ones."""
    from harness.framework.dialect import code_names_on
    from harness.recording.names import first_of, names_from

    sources = [names_from(methods)] if methods else []
    if framework_jar:
        from harness.framework.framework_jar import pull_transaction_codes

        sources.append(names_from(pull_transaction_codes(device)))
    return first_of([*sources, code_names_on(device)])
