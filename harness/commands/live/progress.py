"""Shows how far a run is: live on a terminal, where nothing of it stays, and in plain lines elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn


def live_progress(console: Console, *first: ProgressColumn, text: str) -> Progress:
    """Columns of how many of all are done, since when, and a text of this format; `first` before these."""
    return Progress(
        *first,
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn(text, markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not console.is_terminal,
    )


def print_line(console: Console, line: str) -> None:
    """Print a line as it is, however wide the console."""
    console.print(line, markup=False, soft_wrap=True)
