"""The help of each command: its examples are valid."""

from __future__ import annotations

import re

import pytest

from harness.commands import table
from tests.support.documentation import COMMANDS, GROUP, PROGRAM, parse_command_line


def examples() -> list[str]:
    """Each line of the help texts that begins with the program's name, without the comment beside it."""
    lines = [line.strip() for each in (GROUP, *COMMANDS.values()) for line in each.help.splitlines()]
    return [re.split(" {2,}", line)[0] for line in lines if line.startswith(PROGRAM)]


@pytest.mark.parametrize("example", examples())
def test_an_example_is_valid(example: str) -> None:
    parse_command_line(example)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_of_the_help_breaks_within_an_option_or_is_wider_than_a_terminal(name: str) -> None:
    command = COMMANDS[name]
    with command.make_context(f"{PROGRAM} {name}", [], resilient_parsing=True) as context:
        lines = command.get_help(context).splitlines()
    assert [line for line in lines if line.endswith("-")] == []
    assert [line for line in lines if len(line) > 80] == []
    assert f"{PROGRAM} {name}" in lines[0]


def test_the_list_of_commands_has_each_summary_whole() -> None:
    with GROUP.make_context(PROGRAM, [], resilient_parsing=True) as context:
        assert "..." not in GROUP.get_help(context).partition("Commands:")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_in_the_list_is_the_first_line_of_the_help(name: str) -> None:
    assert COMMANDS[name].help.splitlines()[0] == table.COMMANDS[name].summary
