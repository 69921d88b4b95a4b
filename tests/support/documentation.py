"""The documentation as tests read it: its pages, their blocks of code, links, headings and command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import typer.main

from harness.app import app

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
PROGRAM = "binder-harness"
OPERATORS = (">", ">>", "|", "||", "&&")
GROUP = typer.main.get_command(app)
COMMANDS = dict(GROUP.commands)  # type: ignore[attr-defined]
_BLOCK = re.compile(
    r"^(?:<!-- from (?P<source>\S+) -->\n)?```(?P<language>\S*)\n(?P<text>.*?)^```$", re.M | re.S
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    language: str
    text: str
    source: str | None
    """The file that it quotes, where it names one in a comment before it."""


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(page, found["language"], found["text"], found["source"])
        for found in _BLOCK.finditer(page.read_text())
    ]


def links(page: Path) -> list[str]:
    """Where a page's links and pictures lead, code left out."""
    prose = re.sub(r"`[^`]*`", "", _BLOCK.sub("", page.read_text()))
    return _LINK.findall(prose)


def anchors(page: Path) -> set[str]:
    """What links to a page may have after the #, one for each heading: as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def command_lines(page: Path) -> Iterator[str]:
    """The lines of a page's blocks that run the program, without the comment beside them."""
    for block in blocks(page):
        for line in block.text.splitlines():
            if re.match(rf"(\.venv/bin/)?{PROGRAM} ", line):
                yield line


def parse_command_line(line: str) -> None:
    """Parse a command line as the program does, up to what the shell does with it.

    Raises click's exception for one that the program refuses.
    """
    program, *words = takewhile(lambda word: word not in OPERATORS, shlex.split(line, comments=True))
    assert program.removeprefix(".venv/bin/") == PROGRAM
    while words[0].startswith("-"):  # options of the program itself, none of which takes a value
        words.pop(0)
    name, *rest = words
    COMMANDS[name].make_context(name, rest)
