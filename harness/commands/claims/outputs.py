"""Where the results of a command go: files and standard output, each in its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import UsageError
from emulator.base.printable import show

if TYPE_CHECKING:
    from harness.report.formats.formats import Format
    from harness.report.formats.report import Report

STANDARD_OUTPUT = Path("-")


def complete_format(incomplete: str) -> list[str]:
    """The formats whose names begin so, for a shell."""
    from harness.report.formats.formats import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


OutputFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Show the results as json, junit, ktap, markdown or html, not as a table; with -o in a file.",
        autocompletion=complete_format,
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write the results to FILE, in --format or as its name ends: .json, .xml, .ktap, .md, .html.",
    ),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write the results, as a page for browsers, to FILE."),
]
Junit = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write the results, as JUnit XML, to FILE.")
]


@dataclass(frozen=True, slots=True)
class Output:
    """A format, and the file for it; `-` is standard output."""

    format: Format
    path: Path

    @property
    def to_stdout(self) -> bool:
        """Whether it goes to standard output."""
        return self.path == STANDARD_OUTPUT

    def write(self, report: Report) -> None:
        """Write the results, and show where; SetupError where the file cannot be written."""
        from harness.report.stored import write_text

        text = self.format.render(report)
        if self.to_stdout:
            show(text, end="")
            return
        write_text(text, self.path)

    def announce(self, *, errors: bool) -> None:
        """Show what was written, on standard error where standard output holds results."""
        if not self.to_stdout:
            show(f"{self.format.label}: {self.path}", errors=errors)


@dataclass(frozen=True, slots=True)
class Outputs:
    """All outputs of a command."""

    entries: tuple[Output, ...]

    @classmethod
    def of(cls, format_: str | None, output: Path | None, **files: Path | None) -> Outputs:
        """The outputs that options ask for: --format and -o, and one file for each format by name.

        Raises UsageError for an unknown format, for two that go to standard output, and for a file that
        cannot be written.
        """
        from harness.report.formats.formats import FORMATS, format_named, format_of
        from harness.report.stored import check_writable

        entries = [Output(FORMATS[name], path) for name, path in files.items() if path is not None]
        if format_ is not None:
            entries.append(Output(format_named(format_), output or STANDARD_OUTPUT))
        elif output is not None:
            entries.append(Output(format_of(output), output))
        shown = [entry.format.name for entry in entries if entry.to_stdout]
        if len(shown) > 1:
            raise UsageError(f"Standard output can hold one format, not {' and '.join(shown)}: name files.")
        for entry in entries:
            if not entry.to_stdout:
                check_writable(entry.path)
        return cls(tuple(entries))

    @property
    def journaled(self) -> Path | None:
        """The file for the whole results as JSON, which keeps them while a run goes on."""
        files = [entry.path for entry in self.entries if entry.format.name == "json" and not entry.to_stdout]
        return files[0] if files else None

    @property
    def to_stdout(self) -> bool:
        """Whether one of them is on standard output: then nothing else is shown there."""
        return any(entry.to_stdout for entry in self.entries)

    def writing(
        self, report: Report, *, journaled: Callable[[], None] | None = None
    ) -> list[Callable[[], None]]:
        """A function for each output, which writes it; `journaled` does so for the file of that name."""
        return [partial(self._write, entry, report, journaled) for entry in self.entries]

    def _write(self, entry: Output, report: Report, journaled: Callable[[], None] | None) -> None:
        if journaled is not None and entry.format.name == "json" and entry.path == self.journaled:
            journaled()
        else:
            entry.write(report)
        entry.announce(errors=self.to_stdout)


def attempt_all(actions: Iterable[Callable[[], None]], first: BaseException | None = None) -> None:
    """Carry out every action, though others fail: they keep results that may have taken an hour.

    Raises `first`, or else the first error; the others are shown.
    """
    errors = [] if first is None else [first]
    for action in actions:
        try:
            action()
        except BaseException as error:
            errors.append(error)
    for later in errors[1:]:
        show(f"binder-harness: {later}", errors=True)
    if errors:
        raise errors[0]
