"""Composes kprobe definitions, so that a caller names a function and its parameters and no registers.

The syntax is that of Documentation/trace/kprobetrace.rst (Linux 5.4 to 6.18).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.base.architecture import ARCHITECTURES


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of the probed function, or a member of the structure it points to.

    With BTF (Debian's 6.12 kernel, not its 6.1) the name is enough. Give `position` too, and the kernel's
    $argN and then the registers are tried where there is no BTF; for a member, `offset` as well.
    """

    name: str
    """The parameter's name in the kernel's source, and the field's name in the trace."""
    position: int | None = None
    """Which parameter it is, from 1 as in $arg1."""
    type: str = "u64"
    """How to fetch and print it: u8 … u64, s8 … s64, x8 … x64, string, ustring."""
    member: str | None = None
    """A member of the structure the parameter points to; it then names the field."""
    offset: int | None = None
    """Bytes from the structure's start to that member."""
    user_offset: int | None = None
    """Fetch, in the place of an address, what lies so many bytes behind it in the process's own memory."""
    label: str = ""
    """The field's name in the trace, where it is to be another one."""

    @property
    def field(self) -> str:
        """The field's name in the trace."""
        return self.label or self.member or self.name

    def forms(self) -> Iterator[str]:
        """The ways to fetch it, the one that asks least of the caller's knowledge first."""
        yield self._fetch(f"{self.name}->{self.member}" if self.member else self.name)
        if self.position is None or (self.member and self.offset is None):
            return
        yield self._fetched_from(f"$arg{self.position}")
        for architecture in ARCHITECTURES.values():  # a kernel refuses another architecture's registers
            registers = architecture.parameter_registers
            if self.position <= len(registers):
                yield self._fetched_from(f"%{registers[self.position - 1]}")

    def _fetched_from(self, source: str) -> str:
        return self._fetch(f"+{self.offset}({source})" if self.member else source)

    def _fetch(self, value: str) -> str:
        fetched = value if self.user_offset is None else f"+u{self.user_offset}({value})"
        return f"{self.field}={fetched}:{self.type}"


@dataclass(frozen=True, slots=True)
class Kprobe:
    """An event each time a kernel function is entered."""

    function: str
    arguments: tuple[Argument, ...] = ()
    module: str | None = None
    """The module that holds the function; needed only where several functions have the name."""
    name: str = ""
    """The event's name; by default FUNCTION_entry, which no tracepoint is called."""

    @property
    def event(self) -> str:
        """The event's name in the trace."""
        return self.name or _event_name(self.function, "entry")

    def definitions(self, group: str) -> Iterator[str]:
        """The definitions to try, in this order, until the kernel accepts one."""
        heading = f"p:{group}/{self.event} {_symbol(self.function, self.module)}"
        forms = [tuple(argument.forms()) for argument in self.arguments]
        for kind in range(max(map(len, forms), default=1)):
            # One argument may have fewer forms than another: by name alone it has no second.
            yield " ".join([heading, *(form[min(kind, len(form) - 1)] for form in forms)])


@dataclass(frozen=True, slots=True)
class Kretprobe:
    """An event each time a kernel function returns, with what it returns as the field `result`."""

    function: str
    type: str = "s64"
    """How to print the result."""
    module: str | None = None
    name: str = ""
    """The event's name; by default FUNCTION_return."""
    most_at_once: int = 0
    """How many calls may be under way at once before returns are missed; 0 lets the kernel choose."""

    @property
    def event(self) -> str:
        """The event's name in the trace."""
        return self.name or _event_name(self.function, "return")

    def definitions(self, group: str) -> Iterator[str]:
        """The definitions to try: there is only one."""
        heading = f"r{self.most_at_once or ''}:{group}/{self.event}"
        yield f"{heading} {_symbol(self.function, self.module)} result=$retval:{self.type}"


Probe = Kprobe | Kretprobe


def _event_name(function: str, kind: str) -> str:
    # What the compiler splits off is called FUNCTION.part.0, and events may have no dots.
    return f"{function.replace('.', '_')}_{kind}"


def _symbol(function: str, module: str | None) -> str:
    return f"{module}:{function}" if module else function
