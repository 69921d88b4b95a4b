"""`completion`: the lines with which a shell completes commands, options, claims and targets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emulator.base.printable import show

PROGRAM = "binder-harness"
VARIABLE = "_BINDER_HARNESS_COMPLETE"
"""Set by the shell's lines when it asks what a word may become; Typer answers then."""


class Shell(StrEnum):
    """The shells whose lines Typer has."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", show_default=False)],
) -> None:
    """Print what makes a shell complete commands, options and claims.

    \b
    eval "$(binder-harness completion bash)"    in ~/.bashrc
    eval "$(binder-harness completion zsh)"     in ~/.zshrc, after compinit
    binder-harness completion fish | source     in ~/.config/fish/config.fish
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # as --show-completion

    show(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell.value))
