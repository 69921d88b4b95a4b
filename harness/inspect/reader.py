"""Reads what is given, line by line, into sections of known kinds; in bounded memory."""

from __future__ import annotations

import time

from emulator.base.progress import report
from harness.framework.dumps.log_lines import KEYWORDS
from harness.framework.dumps.processes import ProcessNames
from harness.inspect.errors.lines import explain_line
from harness.inspect.kinds import STATES, Kind, Place, Section
from harness.inspect.open_section import OpenSection
from harness.inspect.recognise import (
    BY_TITLE,
    CONTINUES,
    DURATION,
    FINGERPRINT,
    HEADING,
    LOG_LINE,
    MARKS,
    REPORT,
    SERVICE,
    UNREAD,
    UNREAD_STARTS,
    Part,
    shape,
)
from harness.inspect.sources import Source
from harness.kernel.binder_debug.kernel_log import KernelMessage, add_message, parse_message, with_next_line

MOST_CHARACTERS = 16 << 20
"""Of text that is kept for its sections; further text is counted and left out."""
MOST_UNKNOWN = 1000
MOST_ERRORS = 1000
_LONGEST_ERROR = 1000
_HEADINGS = (Kind.STATE, Kind.TRANSACTIONS, Kind.STATS)
"""Where the heading comes again, another file begins."""
_QUIET_SECONDS = 2.0
_WIDEST_GAP = 1000
"""Lines of something else inside a section; more of them end it."""
_LINES_BETWEEN_LOOKS = 200_000
_BESIDE = ("#", "$ ", "```", "cpus=", "* daemon ")
"""Comments, prompts, Markdown's sign of a quotation, the headings of trace-cmd, the start of adb's server."""
_SIGNS = (
    *("inder", "Exception", "arge out", "oneway", "tclass=", "manifest", "aited one", "aidl", "Status("),
    "calling service",
)
"""One of which every line has that counts in whatever log: the keywords are looked for in these alone."""
_NAMES = (
    *("ProcessRecord{", "Apps frozen:", "----- pid ", "Cmd line: ", "Cmdline: ", "sysTid=", "SHOW MAP"),
    *("Start proc ", ", PID: ", ">>> "),
)


class Reader:
    """Takes files one after the other; `sections` and what else it found are there in the end."""

    def __init__(self, names: ProcessNames) -> None:
        self.names = names
        self.sections: list[Section] = []
        self.unknown: list[tuple[Place, str]] = []
        self.unknown_count = 0
        self.left_out = 0
        """Lines that were too many to keep."""
        self.builds: dict[str, Place] = {}
        """The builds that the headers of bug reports name."""
        self.reports = 0
        self.lines = 0
        self.notes: list[str] = []
        self._room = MOST_CHARACTERS
        self._begin("")

    def _begin(self, name: str) -> None:
        self._file = name
        self._number = 0
        self._current: OpenSection | None = None
        self._held: list[tuple[int, str]] = []
        """Lines such as `proc 12`, until a later one shows what they belong to."""
        self._in_report = False
        self._skipping = False
        """Whether this is a section of a bug report that is of no interest."""
        self._messages: list[KernelMessage] = []
        self._errors: list[tuple[int, str]] = []

    def read(self, source: Source, *, log: bool = False) -> None:
        """Read one text; of a `log` only what is about Binder counts, in whatever form its lines are."""
        self._begin(source.name)
        self._in_report = self._skipping = log
        started, next_report = time.monotonic(), _QUIET_SECONDS
        for line in source:
            self._number += 1
            self._take(line)
            if self._number % _LINES_BETWEEN_LOOKS == 0 and time.monotonic() - started > next_report:
                report(f"{source.name}: {self._number:,} lines read …")
                next_report += 5
        self._close()
        self._add_line_kinds()
        self.lines += self._number
        if source.note:
            self.notes.append(f"{source.name}: read up to line {self._number:,}: {source.note}")

    def _take(self, line: str) -> None:
        if line.startswith(MARKS) and self._take_mark(line):
            return
        if line.startswith(UNREAD_STARTS) and (unread := UNREAD.match(line)):
            self.notes.append(
                f"{Place(self._file, self._number)}: {unread['path']} is not in it: {unread['reason']}. "
                "Binder's debug files are root's, in /sys/kernel/debug/binder or /dev/binderfs/binder_logs"
            )
            return
        if self._skipping:
            self._skim(line)
        elif self._current is not None and self._current.explicit:
            self._keep(line)
        else:
            self._take_by_shape(line)

    def _take_mark(self, line: str) -> bool:
        """Whether the line is a heading or an end of a bug report's section."""
        if match := REPORT.match(line):
            self.reports += 1
            self._in_report = self._skipping = True
        elif DURATION.match(line) or line.startswith("======"):
            self._close()
            self._skipping = self._in_report
        elif match := SERVICE.match(line):
            self._close()
            self._in_report = self._skipping = True
        elif match := HEADING.match(line):
            self._close()
            self._in_report = True
            self.names.take(line)
            kind = BY_TITLE.get(match["title"])
            self._skipping = kind is None
            if kind is not None:
                self._current = OpenSection(kind, self._number + 1, match["title"], explicit=True)
        else:
            return False
        return True

    def _skim(self, line: str) -> None:
        """A line of a section that is not about Binder: only what shows up anywhere counts."""
        if any(map(line.__contains__, _SIGNS)) and self._take_anywhere(line):
            return
        if line.startswith('"') or self.names.expects_frozen or any(word in line for word in _NAMES):
            self.names.take(line)
        elif line.startswith(("ACTIVITY MANAGER ", "Found ", "Currently running", "binder ", "Build fing")):
            self._take_heading_inside(line)
        elif "PID" in line and self.names.is_ps_header(line):
            self._open(Kind.PROCESSES)

    def _take_heading_inside(self, line: str) -> None:
        if match := FINGERPRINT.match(line):
            self.builds.setdefault(match["build"], Place(self._file, self._number))
        elif (kind := shape(line)) and isinstance(kind, Kind):
            self._open(kind)
            self._keep(line)

    def _take_anywhere(self, line: str) -> bool:
        """Take what counts wherever it is: the driver's messages and exceptions of Binder."""
        broken = self._messages[-1] if self._messages else None
        if broken and broken.line == self._number - 1 and (whole := with_next_line(broken, line)):
            self._messages[-1] = whole
            return True
        if message := parse_message(line, self._number):
            if len(self._messages) < MOST_ERRORS:
                add_message(self._messages, message)
            else:
                self.left_out += 1
            return True
        return any(word in line for word in KEYWORDS) and self._note_error(line)

    def _note_error(self, line: str) -> bool:
        """Keep a line that is an error of Binder; whether it is one."""
        if len(line) > _LONGEST_ERROR or explain_line(line, alone=False) is None:
            return False
        if len(self._errors) < MOST_ERRORS:
            self._errors.append((self._number, line))
        else:
            self.left_out += 1
        return True

    def _take_by_shape(self, line: str) -> None:
        current = self._current
        if current is not None and current.kind == Kind.PROCESSES:
            if self.names.take_ps(line):
                self._keep(line)
                return
            self._close()
            self._skipping = self._in_report
        found = shape(line)
        if found is Part.PROC:
            self._held.append((self._number, line))
        elif found is not None:
            self._belong(found, line)
        if found is not None or not line.strip() or self._take_anywhere(line):
            return
        learned = self.names.take(line)
        if line.startswith("ACTIVITY MANAGER "):
            self._close()
            self._skipping = self._in_report
        elif self.names.is_ps_header(line):
            self._close()
            self._current = OpenSection(Kind.PROCESSES, self._number)
        elif FINGERPRINT.match(line):
            self._take_heading_inside(line)
        elif LOG_LINE.match(line):
            return  # of something else
        elif current is not None and _continues(current.kind, line):
            self._flush_held()
            self._keep(line)
        elif learned or line.startswith(_BESIDE):
            return
        elif not self._note_error(line):
            if current is not None and current.kind in CONTINUES:
                self._close()
            self._unknown(line)

    def _belong(self, found: Kind | Part, line: str) -> None:
        """Put a line of known shape where it belongs, which may begin a section."""
        current = self._current.kind if self._current else None
        match found:
            case Part.RECORD | Part.PROC:
                kind = current if current in STATES else Kind.STATE
            case Part.COUNTER:
                kind = Kind.STATS
            case _:
                kind = found
        begins = kind != current or found in _HEADINGS
        if begins:
            held, self._held = self._held, []
            self._open(kind, held[0][0] if held else self._number)
            self._held = held
        self._flush_held()
        self._keep(line)

    def _open(self, kind: Kind, first: int | None = None) -> None:
        self._close()
        self._current = OpenSection(kind, first or self._number)
        self._skipping = False

    def _flush_held(self) -> None:
        held, self._held = self._held, []
        for number, line in held:
            self._keep(line, number)

    def _keep(self, line: str, number: int | None = None) -> None:
        current = self._current
        if current is None or (current.kind == Kind.TRACE and "inder" not in line):
            return
        self._room -= len(line) + 1
        if self._room < 0:
            self.left_out += 1
            return
        if current.gap(number or self._number) > _WIDEST_GAP:
            self._open(current.kind)
            self._keep(line, number)
            return
        current.add(line, number or self._number)

    def _close(self) -> None:
        if self._held:
            if self._current is None:
                self._current = OpenSection(Kind.STATE, self._held[0][0])
            self._flush_held()
        opened, self._current = self._current, None
        section = opened.read(self._file) if opened else None
        if opened is None or section is None:
            return
        self.sections.append(section)
        for number, line in opened.unknown(section):
            self._unknown(line, number)

    def _unknown(self, line: str, number: int | None = None) -> None:
        self.unknown_count += 1
        if len(self.unknown) < MOST_UNKNOWN:
            self.unknown.append((Place(self._file, number or self._number), line[:500]))

    def _add_line_kinds(self) -> None:
        """Add what was collected line by line from all of the file."""
        if self._messages:
            found = tuple(self._messages)
            first, last = found[0].line, found[-1].line
            self.sections.append(Section(Kind.KERNEL_LOG, Place(self._file, first), last, "", found))
        if self._errors:
            lines = tuple(self._errors)
            place = Place(self._file, lines[0][0])
            self.sections.append(Section(Kind.ERRORS, place, lines[-1][0], "", lines))


def _continues(kind: Kind, line: str) -> bool:
    pattern = CONTINUES.get(kind)
    return pattern is None or pattern.match(line) is not None
