"""Exceptions of Java, as exceptions of Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from emulator.base.errors import HarnessError


class JavaError(HarnessError):
    """A method of AOSP's Java, or of the agent, threw."""

    def __init__(
        self, java_class: str, text: str | None, stack: tuple[str, ...], cause: JavaError | None = None
    ) -> None:
        self.java_class = java_class
        """The exception's class, such as android.os.DeadObjectException."""
        self.text = text
        """Its message."""
        self.stack = stack
        """The methods that were under way, the innermost first."""
        self.cause = cause
        """The exception for which it was thrown, where Java names one."""
        title = java_class if text is None else f"{java_class}: {text}"
        message = "\n    at ".join([title, *stack])
        super().__init__(message if cause is None else f"{message}\nCaused by {cause}")

    @property
    def name(self) -> str:
        """The class without its package."""
        return self.java_class.rpartition(".")[2]

    @property
    def root(self) -> JavaError:
        """The first cause, or itself."""
        return self if self.cause is None else self.cause.root

    @classmethod
    def of_answer(cls, thrown: Mapping[str, Any]) -> Self:
        """From what the agent says of it."""
        cause = cls.of_answer(thrown["cause"]) if "cause" in thrown else None
        return cls(thrown["class"], thrown["message"], tuple(thrown["stack"]), cause)
