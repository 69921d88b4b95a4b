"""The controller of the machine at hand: its directory, and root's mount namespace, go with the run."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence

from emulator.base.command import script
from emulator.base.controller import CommandStream
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, UsageError
from emulator.host.host import Host, check_output, on
from emulator.kinds.local.survey import ANSWERS_WITHIN, Survey

SUDO = ("sudo", "-n", "--")
DIRECTORY = "BINDER_HARNESS_DIRECTORY"
"""The environment variable that all processes of a run have."""


class LocalMachine:
    """A machine, here or over SSH, whose own processes are used.

    For root all of them are in a mount namespace: what is mounted there is seen by nobody else, and goes with
    the last of them.
    """

    disposable = False

    def __init__(
        self, target: str, host: Host, found: Survey, *, sudo: bool, resources: contextlib.ExitStack
    ) -> None:
        """Make the directory and the namespace, which go with `resources`. SetupError where that fails.

        With `sudo`, a user who is not root becomes root by it, without a password.
        """
        self.target = target
        self.serial = f"local{on(host)}"
        self.how_to_root = "run it as root, or allow sudo (`root=allowed` in the target)"
        self._host = host
        as_root = SUDO if sudo else ()
        private = found.root or sudo
        copied = found.copyable if private else ()
        self._keeper, self.directory, process = _keeper(host, as_root, private, copied, resources)
        self.binder_devices = tuple(
            f"{self.directory}/{os.path.basename(path)}" if path in copied else path for path in found.devices
        )
        self._resources = resources
        self._prefix = (*as_root, "nsenter", f"--mount=/proc/{process}/ns/mnt", "--") if private else ()

    @property
    def alive(self) -> bool:
        """Whether what keeps the directory runs."""
        return not self._keeper.ended

    def loss_reason(self) -> str:
        """What ended the run's processes, as far as that is known."""
        if self.alive:
            return f"{self.serial} still answers."
        return (
            f"The run's processes on {self.serial} were ended. {self._keeper.standard_error.strip()}".rstrip()
        )

    def start_command(self, line: str) -> CommandStream:
        """Start a line of a shell; DeviceLostError where the run's own processes were ended there."""
        try:
            return self._host.open([*self._prefix, "sh", "-c", line], environment={DIRECTORY: self.directory})
        except HarnessError as error:
            if self.alive:
                raise
            raise DeviceLostError(self.loss_reason()) from error

    def restart(self, deadline: Deadline) -> None:  # noqa: ARG002
        """Refused with UsageError: other things run there."""
        raise UsageError(f"{self.serial} is not restarted: it is no device of this run's own.")

    def close(self) -> None:
        """End what the run started there, and remove its directory."""
        self._resources.close()


def _keeper(
    host: Host,
    as_root: Sequence[str],
    private: bool,
    devices: Sequence[str],
    resources: contextlib.ExitStack,
) -> tuple[CommandStream, str, int]:
    """Start what keeps the run's directory until `resources` end; its stream, the directory, its process."""
    directory = check_output(
        host, ["mktemp", "-d", "--tmpdir", "binder-harness-XXXXXXXX"], ANSWERS_WITHIN
    ).strip()
    unshared = (*as_root, "unshare", "--mount", "--propagation", "private", "--") if private else ()
    kind = "private" if private else "visible"
    words = [*unshared, *script(__file__, "keep.sh", directory, kind, *devices)]
    keeper = host.open(words)
    resources.callback(keeper.close)
    output = b""
    deadline = Deadline(ANSWERS_WITHIN)
    while not output.endswith(b"\n") and (chunk := keeper.receive(64, deadline)):
        output += chunk
    if not output.strip().isdigit():
        keeper.status(Deadline(ANSWERS_WITHIN))
        host.run(["rmdir", directory], deadline=Deadline(ANSWERS_WITHIN))
        raise SetupError(
            f"The run gets no mount namespace of its own{on(host)}: {keeper.standard_error.strip()}. In a "
            "container it needs the rights of the machine's root (`docker run --privileged --pid=host`)."
        )
    process = int(output)
    # Where an SSH connection falls silent, nothing else would end it.
    end = host.cleanup_command([*as_root, "kill", str(process)])

    def finish() -> None:
        end.execute(Deadline(ANSWERS_WITHIN))
        keeper.close_input()
        keeper.status(Deadline(ANSWERS_WITHIN))

    resources.callback(finish)
    return keeper, directory, process


def require_sudo(host: Host) -> None:
    """Raise SetupError where sudo is not there, or asks for a password."""
    asked = host.run([*SUDO, "true"], deadline=Deadline(ANSWERS_WITHIN))
    if asked.status != 0:
        reason = asked.errors.strip() or f"`{shlex.join(SUDO)} true` {asked.failure(ANSWERS_WITHIN)}"
        raise SetupError(
            f"sudo does not give root{on(host)} without a password: {reason}. Run binder-harness itself as "
            'root, for example `sudo "$(command -v binder-harness)" verify --target local`.'
        )
