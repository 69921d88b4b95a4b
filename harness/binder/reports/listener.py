"""The reports of failed transactions of all processes of a device, as they arrive.

with device.process() as process, TransactionReports.open(process) as reports:
    ...
    print(reports.next())
"""

from __future__ import annotations

import contextlib
import errno
from typing import Self

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, TimeLimitError
from harness.agent.errors import AgentDiedError
from harness.agent.process import RemoteProcess
from harness.agent.thread import DEFAULT_SECONDS
from harness.argument_types import checked_methods
from harness.binder.reports.generic_netlink import Family, GenericSocket
from harness.binder.reports.transaction_report import BINDER_CMD_REPORT, TransactionReport, parse_report

FAMILY, GROUP = "binder", "report"
"""include/uapi/linux/android/binder_netlink.h."""


@checked_methods
class TransactionReports:
    """A listener; a context manager that ends it.

    Any user may listen, root or not. The driver reports in the initial network namespace alone: in a
    container with a network of its own nothing arrives. It drops reports while nobody listens.
    """

    def __init__(self, socket: GenericSocket, family: Family) -> None:
        self.overruns = 0
        """How often the kernel dropped reports because too many had not been read (ENOBUFS)."""
        self._socket = socket
        self._family = family
        self._waiting: list[TransactionReport] = []

    @classmethod
    def open(cls, process: RemoteProcess) -> Self:
        """Listen in a thread of the process, from now on.

        Raises FacilityMissingError where the kernel does not report (before Linux 6.18), OSError where a
        security policy keeps the process from netlink.
        """
        socket = GenericSocket.open(process)
        try:
            family = socket.family(FAMILY)
            if family is None or GROUP not in family.groups:
                raise FacilityMissingError(
                    f"the kernel has no generic netlink family `{FAMILY}` with a group `{GROUP}`, which its "
                    "drivers have from Linux 6.18 on"
                )
            socket.join(family.groups[GROUP])
        except BaseException:
            socket.close()
            raise
        return cls(socket, family)

    def next(self, deadline: Deadline | None = None) -> TransactionReport:
        """Wait for the next report; TimeLimitError at the deadline (10 s unless given)."""
        deadline = deadline or Deadline(DEFAULT_SECONDS)
        while not self._waiting:
            try:
                self._read(deadline, wait=True)
            except TimeLimitError as error:
                raise TimeLimitError(
                    f"a report of a failed transaction: none within {deadline.seconds:g} s"
                ) from error
        return self._waiting.pop(0)

    def arrived(self) -> list[TransactionReport]:
        """The reports that have arrived and were not returned yet, without waiting."""
        while self._read(Deadline(DEFAULT_SECONDS), wait=False):
            pass
        arrived, self._waiting = self._waiting, []
        return arrived

    def close(self) -> None:
        """Stop listening; does nothing the second time, or if the process is dead."""
        with contextlib.suppress(AgentDiedError):
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, deadline: Deadline, *, wait: bool) -> bool:
        """Keep the reports of one datagram; whether there was any."""
        try:
            messages = self._socket.receive(deadline, wait=wait)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self.overruns += 1
            return True
        self._waiting += [
            parse_report(message.attributes)
            for message in messages
            if (message.kind, message.command) == (self._family.number, BINDER_CMD_REPORT)
        ]
        return bool(messages)


def reports_transactions(process: RemoteProcess) -> bool:
    """Whether the kernel reports failed transactions; raises what `TransactionReports.open` raises."""
    TransactionReports.open(process).close()
    return True
