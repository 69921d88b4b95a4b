"""The errors that users see. Each message is about what happened, why, and what to do next.

Each with its exit code, and its module where that is another one:

  HarnessError                    1 UNEXPECTED
    DeviceLostError               3 DEVICE_LOST
    FacilityMissingError          4 SETUP_MISSING
      NativeReceiverRefusedError  4 SETUP_MISSING  harness.framework.activity_manager
      NoInstrumentError           4 SETUP_MISSING  harness.experiments.copies.copy_functions
    SetupError                    4 SETUP_MISSING
      NoNetworkError              4 SETUP_MISSING  emulator.cache.network
    TimeLimitError                1 UNEXPECTED
    UsageError                    2 USAGE
    AdbRequestError               1 UNEXPECTED  emulator.adb.client
    AddressNotMappedError         1 UNEXPECTED  harness.kernel.proc.maps
    AgentDiedError                1 UNEXPECTED  harness.agent.errors
    BinderDebugMissingError       1 UNEXPECTED  harness.kernel.binder_debug.debug_files
    BinderError                   1 UNEXPECTED  harness.binder.errors
      DeadObjectError             1 UNEXPECTED  harness.binder.errors
      FrozenError                 1 UNEXPECTED  harness.binder.errors
      TransactionFailedError      1 UNEXPECTED  harness.binder.errors
        TransactionTooLargeError  1 UNEXPECTED  harness.binder.errors
        UnknownHandleError        1 UNEXPECTED  harness.binder.errors
    BufferElsewhereError          1 UNEXPECTED  harness.experiments.copies.binder_channel
    ExcessError                   1 UNEXPECTED  emulator.adb.transfer
    FrameAbsentError              1 UNEXPECTED  harness.kernel.proc.pagemap
    FrameHiddenError              1 UNEXPECTED  harness.kernel.proc.pagemap
    HandlerError                  1 UNEXPECTED  harness.binder.errors
    IntentTooLargeError           1 UNEXPECTED  harness.framework.activity_manager
    InterruptedThreadError        1 UNEXPECTED  harness.binder.driver.ioctls
    JavaError                     1 UNEXPECTED  harness.framework.java.errors
    LostEventsError               1 UNEXPECTED  harness.experiments.copies.copy_functions
    MalformedCommandsError        1 UNEXPECTED  harness.binder.errors
    MalformedFileError            1 UNEXPECTED  harness.kernel.parsing
    MalformedMessageError         1 UNEXPECTED  harness.binder.reports.netlink
    NeverRefusedError             1 UNEXPECTED  harness.experiments.limits.size_limit
    ParcelError                   1 UNEXPECTED  harness.binder.errors
      ReplyStatusError            1 UNEXPECTED  harness.framework.dumps.parcel_text
    PhysicalMemoryError           1 UNEXPECTED  harness.kernel.proc.kcore
    ProbeRefusedError             1 UNEXPECTED  harness.kernel.tracing.tracefs
    ProtocolError                 1 UNEXPECTED  harness.agent.errors
    RemoteError                   1 UNEXPECTED  harness.binder.errors
    ShellError                    1 UNEXPECTED  harness.device.command
    StatusError                   1 UNEXPECTED  harness.binder.errors
    TracingMissingError           1 UNEXPECTED  harness.kernel.tracing.tracefs
    UnexpectedReturnError         1 UNEXPECTED  harness.experiments.instruments.non_blocking
    UnreadableFileError           1 UNEXPECTED  harness.inspect.sources
    UnreadableJarError            1 UNEXPECTED  harness.framework.framework_jar
    UnusableSnapshotError         1 UNEXPECTED  emulator.embedded.snapshot

Other exceptions of the project are no errors for the user: Interrupted (a KeyboardInterrupt, in
emulator.base.interruption) ends a run in order, and DriverRefusedError (an OSError) and
TruncatedStructureError (a ValueError) are caught by the code around them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from emulator.base.printable import printable


class ExitCode(IntEnum):
    """What the exit status of `binder-harness` means."""

    AS_EXPECTED = 0
    UNEXPECTED = 1
    USAGE = 2
    DEVICE_LOST = 3
    SETUP_MISSING = 4


class HarnessError(Exception):
    """Anything this project refuses or gives up on; the message is written for the user."""

    exit_code = ExitCode.UNEXPECTED

    def __str__(self) -> str:
        """The message, printable: it may quote a device or a host, and tracebacks show it, too."""
        return printable(super().__str__())


class UsageError(HarnessError):
    """The caller asked for something that does not exist; the message lists what does."""

    exit_code = ExitCode.USAGE


class SetupError(HarnessError):
    """Something the machine must provide is missing; the message names the command that fixes it."""

    exit_code = ExitCode.SETUP_MISSING


class FacilityMissingError(HarnessError):
    """This device cannot show what was asked; the message gives the reason and names devices that can."""

    exit_code = ExitCode.SETUP_MISSING


class DeviceLostError(HarnessError):
    """The device panicked, exited or fell silent; the message ends in its last console lines."""

    exit_code = ExitCode.DEVICE_LOST


class TimeLimitError(HarnessError, TimeoutError):
    """A wait reached its deadline; the message names what was awaited and for how long."""


def reason_of(error: OSError) -> str:
    """Why it failed, without its number and its file: `Permission denied`."""
    return error.strerror or str(error) or type(error).__name__


def in_words(error: OSError) -> str:
    """What failed, without its number: `/proc/misc: Permission denied`."""
    if error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return reason_of(error)


def did_you_mean(word: str, known: Iterable[str], most: int = 1) -> str:
    """` Did you mean mmap or mmap.once?`: the known names near to a misspelt one; nothing where none is.

    Those with all its words come first, whatever their order: `1MB` and `one copy` name claims, too.
    """
    import difflib  # for an error alone
    import re

    names = list(dict.fromkeys(known))
    words = re.findall(r"[a-z0-9]+", word.lower())
    containing = [name for name in names if words and all(each in name.lower() for each in words)]
    near = list(dict.fromkeys([*containing, *difflib.get_close_matches(word, names, n=most)]))[:most]
    if not near:
        return ""
    *others, last = near
    return f" Did you mean {', '.join(others)} or {last}?" if others else f" Did you mean {last}?"


def interruption_behind(error: BaseException) -> KeyboardInterrupt | None:
    """The interruption that ended the run, where this error was raised during the clean-up after it."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind
