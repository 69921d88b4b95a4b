"""Shows progress: live on a terminal, where it is removed at the end, and in plain lines elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn


def live_progress(console: Console, *first: ProgressColumn, text: str) -> Progress:
    """The columns `first`, then the number done of all, the time elapsed, and a text of this format."""
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
    """Print a line without markup and without wrapping."""
    console.print(line, markup=False, soft_wrap=True)
