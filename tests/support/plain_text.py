"""A plugin for mypy: None and containers get into no text.

An f-string formats anything: where a value is missing, the sentence has `None`, and a tuple brings its own
brackets and quotes. With this in mypy's configuration, `make check` refuses both, unless `!r` asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

from mypy.nodes import StrExpr
from mypy.plugin import FunctionContext, MethodContext, Plugin
from mypy.types import Instance, NoneType, TupleType, Type, UnionType, get_proper_type

TESTS = "tests"
CONTAINERS = frozenset(
    [
        *(f"builtins.{name}" for name in ("bytearray", "bytes", "dict", "frozenset", "list", "set", "tuple")),
        *(f"typing.{name}" for name in ("AbstractSet", "Iterable", "Iterator", "Mapping", "Sequence")),
    ]
)


class PlainText(Plugin):
    """Refuses such types in an f-string, which is a call of str.format to mypy, and None in `str`."""

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        """For str.format."""
        return _in_format if fullname == "builtins.str.format" else None

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        """For str itself."""
        return _in_str if fullname == "builtins.str" else None


def plugin(_version: str) -> type[Plugin]:
    """What mypy calls."""
    return PlainText


def _in_format(context: MethodContext) -> Type:
    called = getattr(context.context, "callee", None)
    template = getattr(called, "expr", None)
    as_written = isinstance(template, StrExpr) and "!r" in template.value
    _refuse(context, lambda kind: not as_written and _is_no_text(kind))
    return context.default_return_type


def _in_str(context: FunctionContext) -> Type:
    _refuse(context, _is_optional)
    return context.default_return_type


def _refuse(context: FunctionContext | MethodContext, is_refused: Callable[[Type], bool]) -> None:
    if TESTS in Path(context.api.path).parts:  # nobody reads theirs but us
        return
    kinds, types = chain.from_iterable(context.arg_kinds), chain.from_iterable(context.arg_types)
    for kind, each in zip(kinds, types, strict=True):
        if kind.is_star() or not is_refused(each):  # what `*` and `**` stand for is not known
            continue
        context.api.fail(f"a text gets {each}: say what is missing, or ask for it by !r", context.context)


def _is_no_text(kind: Type) -> bool:
    kind = get_proper_type(kind)
    if isinstance(kind, UnionType):
        return any(map(_is_no_text, kind.items))
    if isinstance(kind, TupleType):
        kind = kind.partial_fallback  # of a named tuple, its own class
    return isinstance(kind, NoneType) or (isinstance(kind, Instance) and kind.type.fullname in CONTAINERS)


def _is_optional(kind: Type) -> bool:
    kind = get_proper_type(kind)
    if not isinstance(kind, UnionType):
        return isinstance(kind, NoneType)
    others = [each for each in map(get_proper_type, kind.items) if not isinstance(each, NoneType)]
    return len(others) == 1 < len(kind.items)
