"""What /proc shows of one process: its mappings, status, limits and open descriptors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.kernel.files import Files
from harness.kernel.parsing import matched_lines, to_bytes
from harness.kernel.proc.maps import DetailedMapping, Maps, read_smaps

_STATUS = re.compile(r"(?P<name>[^:]+):\s*(?P<value>.*?)\s*")
_LIMIT_HEADING_LINES = 1
_LIMIT = re.compile(
    r"(?P<name>\S+(?: \S+)*) {2,}(?P<soft>\d+|unlimited) +(?P<hard>\d+|unlimited)(?: +(?P<unit>\S+))? *"
)


@dataclass(frozen=True, slots=True)
class Status:
    """/proc/PID/status (kernel: fs/proc/array.c)."""

    fields: dict[str, str]
    """Every field under the kernel's name, as printed."""

    @property
    def name(self) -> str:
        """The main thread's name, at most 15 bytes."""
        return self.fields["Name"]

    @property
    def state(self) -> str:
        """One letter: R running, S sleeping, D uninterruptible, T stopped, t traced, Z zombie, …"""
        return self.fields["State"][0]

    @property
    def parent(self) -> int:
        """The parent's process id."""
        return self.number("PPid")

    @property
    def threads(self) -> int:
        """How many threads the process has."""
        return self.number("Threads")

    @property
    def uid(self) -> int:
        """The real user id."""
        return int(self.fields["Uid"].split()[0])

    @property
    def effective_uid(self) -> int:
        """The effective user id, which Binder passes to the receiver."""
        return int(self.fields["Uid"].split()[1])

    def number(self, name: str) -> int:
        """A decimal field; KeyError if this kernel has no such field."""
        return int(self.fields[name])

    def size(self, name: str) -> int:
        """A field in kB such as VmRSS, in bytes; KeyError if the process has none (a kernel thread).

        ValueError for a field that is no size.
        """
        size = to_bytes(self.fields[name])
        if size is None:
            raise ValueError(f"{name} is not a size in kB: {self.fields[name]!r}")
        return size


@dataclass(frozen=True, slots=True)
class Limit:
    """One resource limit; None means unlimited."""

    soft: int | None
    hard: int | None
    unit: str
    """`bytes`, `files`, `seconds`, …; empty if the kernel prints none."""


def parse_status(text: str, *, path: str = "/proc/PID/status") -> Status:
    """Parse /proc/PID/status; raises MalformedFileError."""
    matches = matched_lines(_STATUS, text, path=path, form="NAME: VALUE")
    return Status({match["name"]: match["value"] for match in matches})


def parse_limits(text: str, *, path: str = "/proc/PID/limits") -> dict[str, Limit]:
    """Parse /proc/PID/limits: `Max open files` and so on; raises MalformedFileError."""
    lines = matched_lines(_LIMIT, text, path=path, form="NAME SOFT HARD UNIT", skip=_LIMIT_HEADING_LINES)
    return {
        match["name"]: Limit(_bound(match["soft"]), _bound(match["hard"]), match["unit"] or "")
        for match in lines
    }


def _bound(text: str) -> int | None:
    return None if text == "unlimited" else int(text)


class ProcessFiles:
    """The /proc directory of one process. Nothing is cached: each property reads the file again.

    Raises FileNotFoundError if the process has ended, PermissionError if it may not be inspected.
    """

    def __init__(self, files: Files, pid: int) -> None:
        self._files = files
        self.pid = pid

    def __repr__(self) -> str:
        return f"<ProcessFiles of process {self.pid}>"

    @property
    def maps(self) -> Maps[DetailedMapping]:
        """The mappings with their sizes and flags, from smaps, a superset of maps."""
        return read_smaps(self._files, self.pid)

    @property
    def status(self) -> Status:
        """Name, state, ids, sizes, signals."""
        path = self._path("status")
        return parse_status(self._files.read_text(path), path=path)

    @property
    def program(self) -> str:
        """The last part of the path it was started with, or an app's name; empty for a kernel thread."""
        return self._files.read_text(self._path("cmdline")).partition("\0")[0].rpartition("/")[2]

    @property
    def limits(self) -> dict[str, Limit]:
        """The resource limits under the kernel's names, such as `Max open files`."""
        path = self._path("limits")
        return parse_limits(self._files.read_text(path), path=path)

    @property
    def threads(self) -> tuple[int, ...]:
        """The ids of its threads."""
        return tuple(sorted(map(int, self._files.list_directory(self._path("task")))))

    @property
    def descriptors(self) -> dict[int, str]:
        """The target of each open descriptor: `/dev/binder`, `socket:[123]`, `/memfd:name (deleted)`."""
        directory = self._path("fd")
        links = {}
        for name in self._files.list_directory(directory):
            try:
                links[int(name)] = self._files.read_link(f"{directory}/{name}")
            except FileNotFoundError:
                continue  # closed since the listing
        return links

    def _path(self, name: str) -> str:
        return f"/proc/{self.pid}/{name}"
