"""Composes kprobe definitions: a caller names a function and its parameters, not registers.

The syntax is that of Documentation/trace/kprobetrace.rst (Linux 5.4 to 6.18).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.base.architecture import ARCHITECTURES


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of the probed function, or a member of the structure it points to.

    With BTF (Debian's 6.12 kernel, not its 6.1) the name is enough. For kernels without BTF, also give
    `position`, and for a member `offset`: then the kernel's $argN and the registers are tried.
    """

    name: str
    """The parameter's name in the kernel's source, and the field's name in the trace; empty to use the
    position alone, as for what no member of a structure is."""
    position: int | None = None
    """The parameter's number, from 1 as in $arg1."""
    type: str = "u64"
    """How to fetch and print it: u8 … u64, s8 … s64, x8 … x64, string, ustring."""
    member: str | None = None
    """A member of the structure that the parameter points to; it also names the field."""
    offset: int | None = None
    """The member's offset in the structure, in bytes."""
    user_offsets: tuple[int, ...] = ()
    """Fetch the process's own memory at this offset from the address, not the address itself; with several,
    there is the next address at each but the last."""
    label: str = ""
    """Another name for the field in the trace."""

    @property
    def field(self) -> str:
        """The field's name in the trace."""
        return self.label or self.member or self.name

    def forms(self) -> Iterator[str]:
        """The ways to fetch it, in the order to try them."""
        if self.name:
            yield self._fetch(f"{self.name}->{self.member}" if self.member else self.name)
        if self.position is None or (self.member and self.offset is None):
            return
        yield self._fetched_from(f"$arg{self.position}")
        for architecture in ARCHITECTURES.values():  # a kernel refuses another architecture's registers
            registers = architecture.parameter_registers
            if self.position <= len(registers):
                yield self._fetched_from(f"%{registers[self.position - 1]}")

    def _fetched_from(self, source: str) -> str:
        return self._fetch(source if self.offset is None else f"+{self.offset}({source})")

    def _fetch(self, value: str) -> str:
        for offset in self.user_offsets:
            value = f"+u{offset}({value})"
        return f"{self.field}={value}:{self.type}"


@dataclass(frozen=True, slots=True)
class Kprobe:
    """An event at each entry of a kernel function."""

    function: str
    arguments: tuple[Argument, ...] = ()
    module: str | None = None
    """The function's module; needed only if several functions have the name."""
    name: str = ""
    """The event's name; by default FUNCTION_entry, which no tracepoint has."""

    @property
    def event(self) -> str:
        """The event's name in the trace."""
        return self.name or _event_name(self.function, "entry")

    def definitions(self, group: str) -> Iterator[str]:
        """The definitions to try in this order until the kernel accepts one."""
        heading = f"p:{group}/{self.event} {_symbol(self.function, self.module)}"
        forms = [tuple(argument.forms()) for argument in self.arguments]
        for kind in range(max(map(len, forms), default=1)):
            # One argument may have fewer forms than another: by name alone it has no second.
            yield " ".join([heading, *(form[min(kind, len(form) - 1)] for form in forms)])


@dataclass(frozen=True, slots=True)
class Kretprobe:
    """An event at each return of a kernel function, with its return value as the field `result`."""

    function: str
    type: str = "s64"
    """How to print the result."""
    module: str | None = None
    name: str = ""
    """The event's name; by default FUNCTION_return."""
    most_at_once: int = 0
    """How many calls may be in progress at once before returns are missed; 0 lets the kernel choose."""

    @property
    def event(self) -> str:
        """The event's name in the trace."""
        return self.name or _event_name(self.function, "return")

    def definitions(self, group: str) -> Iterator[str]:
        """The only definition to try."""
        heading = f"r{self.most_at_once or ''}:{group}/{self.event}"
        yield f"{heading} {_symbol(self.function, self.module)} result=$retval:{self.type}"


Probe = Kprobe | Kretprobe


def _event_name(function: str, kind: str) -> str:
    # Parts that the compiler splits off are called FUNCTION.part.0, and event names have no dots.
    return f"{function.replace('.', '_')}_{kind}"


def _symbol(function: str, module: str | None) -> str:
    return f"{module}:{function}" if module else function
