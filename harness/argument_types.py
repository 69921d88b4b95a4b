"""Checks the arguments of public functions against their annotations: a wrong type fails where it is given.

Otherwise it would fail deep inside, or on the device. What our own modules pass on is not checked: they are
type-checked, and most calls are theirs. Annotations are read at a function's first call, so that importing
costs nothing. (beartype does the same and more; its import takes as long as a warm start.)
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from types import FunctionType, NoneType, UnionType
from typing import Any, NamedTuple, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)
Check = Callable[[object], bool]

CHECKED = "checks_argument_types"
"""The attribute of a function that checks its arguments."""
LONGEST_VALUE = 60
"""Characters of a refused value that the error quotes."""
OURS = ("harness.", "emulator.")
"""How the names of our own modules begin."""
_NUMBERS: dict[type, Any] = {float: int | float, bool: int, bytes: bytes | bytearray | memoryview}
"""What is accepted beside a type itself: numbers and buffers as Python itself takes them."""


class _Checks(NamedTuple):
    """How a function's arguments are checked."""

    positional: Sequence[tuple[str, Check | None]]
    by_name: Mapping[str, Check | None]
    rest: tuple[str, Check | None]
    """Of further arguments without a name."""


def _checks_of(function: Callable[..., Any]) -> _Checks:
    """Whole at once: several threads may be the first to call a function."""
    hints = hints_of(function)
    positional: list[tuple[str, Check | None]] = []
    by_name: dict[str, Check | None] = {}
    rest: tuple[str, Check | None] = ("", None)  # too many arguments are the function's own TypeError
    for parameter in inspect.signature(function).parameters.values():
        entry = parameter.name, check_of(hints.get(parameter.name, Any))
        match parameter.kind:
            case inspect.Parameter.VAR_POSITIONAL:
                rest = entry
            case inspect.Parameter.KEYWORD_ONLY | inspect.Parameter.VAR_KEYWORD:
                by_name[entry[0]] = entry[1]
            case _:
                by_name[entry[0]] = entry[1]
                positional.append(entry)
    return _Checks(positional, by_name, rest)


def checked(function: Function) -> Function:
    """The same function; an argument from elsewhere that is not of its annotated type raises TypeError."""
    checks: _Checks | None = None

    @functools.wraps(function)
    def check_and_call(*arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        if sys._getframe(1).f_globals.get("__name__", "").startswith(OURS):
            return function(*arguments, **named)
        nonlocal checks
        if checks is None:
            checks = _checks_of(function)
        positional, by_name, rest = checks
        number = len(positional)
        for index, value in enumerate(arguments):
            name, check = positional[index] if index < number else rest
            if check is not None and not check(value):
                raise _refusal(function, name, value)
        for name, value in named.items():
            check = by_name.get(name)
            if check is not None and not check(value):
                raise _refusal(function, name, value)
        return function(*arguments, **named)

    vars(check_and_call)[CHECKED] = True
    return typing.cast(Function, check_and_call)


def checked_methods(cls: Class) -> Class:
    """The class, whose public methods and constructor are `checked`."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, FunctionType):
            setattr(cls, name, checked(member))
        elif isinstance(member, classmethod | staticmethod):
            setattr(cls, name, type(member)(checked(member.__func__)))
    return cls


@dataclass(frozen=True, slots=True)
class Named:
    """A class, or a type of functions, that is imported for type checkers alone."""

    __name__: str


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function's parameters."""
    names = dict(vars(typing)) | vars(sys.modules[function.__module__])
    return {
        name: _evaluated(annotation, names)
        for name, annotation in inspect.unwrap(function).__annotations__.items()
        if name != "return"
    }


def _evaluated(annotation: object, names: dict[str, Any]) -> Any:
    try:
        while isinstance(annotation, str):
            annotation = eval(annotation, names)
    except NameError:
        return Named(str(annotation)) if str(annotation).isidentifier() else Any
    return annotation


def check_of(hint: Any) -> Check | None:
    """Whether a value is of a type; None where every value is accepted."""
    if hint in (Any, object, typing.Self):
        return None
    if isinstance(hint, TypeVar):
        return _check_of_any(hint.__constraints__ or (hint.__bound__ or Any,))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return _check_of_any(arguments)
    if origin is None:
        return _check_of_class(NoneType if hint is None else hint)
    if origin is Callable:
        return callable
    return _check_of_generic(origin, arguments)


def _check_of_any(hints: tuple[Any, ...]) -> Check | None:
    checks = [check_of(hint) for hint in hints]
    wanted = [check for check in checks if check is not None]
    if len(wanted) < len(checks):
        return None
    return lambda value: any(check(value) for check in wanted)


def _check_of_class(cls: Any) -> Check | None:
    if isinstance(cls, Named):
        name = cls.__name__  # of a class, or of a type of functions, such as Handler
        return lambda value: (
            _may_stand_in(value) or callable(value) or name in [each.__name__ for each in type(value).mro()]
        )
    if not isinstance(cls, type) or getattr(cls, "_is_protocol", False):
        return None
    if _is_ours(cls) and not issubclass(cls, int | str):
        return lambda value: isinstance(value, cls) or _may_stand_in(value)
    accepted = _NUMBERS.get(cls, int if issubclass(cls, IntEnum | IntFlag) else cls)
    return lambda value: isinstance(value, accepted)


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in ("harness", "emulator")


def _may_stand_in(value: object) -> bool:
    """Whether a value may be a double of one of our classes: it is of none of them, nor of Python's types."""
    return not _is_ours(type(value)) and type(value).__module__ != "builtins"


def _check_of_generic(origin: Any, arguments: tuple[Any, ...]) -> Check | None:
    check = _check_of_class(origin)
    items = check_of(arguments[0]) if origin is Sequence else None
    if check is None or items is None:
        return check
    return lambda value: check(value) and all(map(items, typing.cast("Sequence[object]", value)))


def _refusal(function: Callable[..., Any], name: str, value: object) -> TypeError:
    shown = repr(value)
    if len(shown) > LONGEST_VALUE:
        shown = f"{shown[:LONGEST_VALUE]}…"
    kind = "" if value is None else f", of type {type(value).__name__}"
    expected = _in_words(hints_of(function)[name])
    return TypeError(f"{function.__qualname__}: {name} is {shown}{kind}; expected {expected}.")


def _in_words(hint: Any) -> str:
    """A type as text: `int, str or None`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, TypeVar):
        arguments = hint.__constraints__ or (hint.__bound__,)
    if isinstance(hint, TypeVar) or origin in (typing.Union, UnionType):
        *first, last = map(_in_words, arguments)
        if not first:
            return last
        return f"{', '.join(first)} or {last}"
    if hint is None or hint is NoneType:
        return "None"
    if origin is Callable:
        return "a function"
    if origin is Sequence:
        return f"a sequence of {_in_words(arguments[0])}"
    return str(getattr(origin or hint, "__name__", hint))
