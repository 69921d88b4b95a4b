# mypy: disable-error-code="arg-type,call-arg,list-item,type-var"
"""Arguments of the wrong type are refused where they are given."""

from __future__ import annotations

import importlib
import inspect
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import IntFlag
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

import harness
import harness.binder
from harness import argument_types
from harness.agent.operations import SystemCall
from harness.agent.process import RemoteProcess
from harness.agent.thread import RemoteThread
from harness.argument_types import CHECKED, checked, checked_methods
from harness.binder import Binder, Parcel, ParcelReader, ServiceManager
from harness.device.device import Device

Word = int | str
Kind = TypeVar("Kind", int, bytes)


class Flag(IntFlag):
    ONE = 1


@checked_methods
class Example:
    def __init__(self, number: int = 0) -> None:
        self.number = number

    @classmethod
    def made(cls, word: Word | None) -> Example:
        return cls(len(str(word)))

    @staticmethod
    def rest(*words: int | bytes, keyword: float = 0.0) -> int:
        return len(words) + int(keyword)

    def many(self, values: Sequence[int], after: Callable[[], None] | None = None) -> int:
        return sum(values) + (after is not None)

    def flagged(self, flag: Flag, value: Kind) -> tuple[Flag, Kind]:
        return flag, value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Example("a"), "Example.__init__: number is 'a', of type str; expected int."),
        (lambda: Example.made(b"x"), "Example.made: word is b'x', of type bytes; expected int, str or None."),
        (lambda: Example.rest(1, "x"), "Example.rest: words is 'x', of type str; expected int or bytes."),
        (lambda: Example.rest(keyword="x"), "keyword is 'x', of type str; expected float."),
        (
            lambda: Example().many([1, "b"]),
            r"values is \[1, 'b'\], of type list; expected a sequence of int.",
        ),
        (lambda: Example().many((), 3), "after is 3, of type int; expected a function or None."),
        (lambda: Example().flagged("x", 1), "flag is 'x', of type str; expected Flag."),
        (lambda: Example().flagged(1, None), "value is None; expected int or bytes."),
        (lambda: Example(b"x" * 1000), r"number is b'x{58}…, of type bytes"),
        (lambda: Example(1, 2), "positional argument"),
    ],
)
def test_the_error_has_the_argument_and_what_is_expected(call: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_what_python_takes_for_a_type_is_accepted() -> None:
    assert Example(True).number == 1
    assert Example.made(None).number == 4
    assert Example.rest(b"x", bytearray(2), keyword=3) == 5
    assert Example().many(range(3), print) == 4
    assert Example().flagged(1, 2) == (1, 2)
    assert str(inspect.signature(Example.many)).startswith("(self, values:")


FOR_CLAIMS = ("harness.experiments", "harness.device.facts")
"""What claims are written with, not what is called at a prompt."""
THREAD: Any = object.__new__(RemoteThread)
BINDER: Any = object.__new__(Binder)
DEVICE: Any = object.__new__(Device)
DEVICE.controller = SimpleNamespace(target="embedded")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Parcel().int32("a"), "value is 'a', of type str; expected int"),
        (lambda: Parcel(b"abcd"), "wire is b'abcd', of type bytes; expected WireFormat"),
        (lambda: Parcel().string16(b"text"), "expected str or None"),
        (lambda: ParcelReader("text"), "data is 'text', of type str; expected bytes"),
        (lambda: BINDER.transact(0, 1, "hello"), "data is 'hello', of type str; expected Parcel, RemotePayl"),
        (lambda: BINDER.transact("h", 1), "handle is 'h', of type str; expected int"),
        (lambda: Binder.open(DEVICE), "process is <Device .*>, of type Device; expected RemoteProcess"),
        (lambda: BINDER.serve(3), "handler is 3, of type int; expected a function or None"),
        (
            lambda: THREAD.syscall("openat", -100, "/etc/passwd", 0),
            "'/etc/passwd', of type str; expected int or",
        ),
        (lambda: SystemCall("openat", -100, "/etc/passwd"), "'/etc/passwd', of type str"),
        (lambda: RemoteProcess.fork(THREAD, "getpid"), "expected SystemCall, Read, "),
        (lambda: DEVICE.process(uid="root"), "uid is 'root', of type str; expected int or None"),
        (lambda: ServiceManager.check(THREAD, 3), "name is 3, of type int; expected str"),
        (lambda: harness.record_transactions("embedded"), "device is 'embedded', of type str; expected"),
        (lambda: harness.binder.open_pair(DEVICE, 3), "path is 3, of type int; expected str"),
    ],
)
def test_wrong_types_do_not_get_past_the_border(call: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("package", ["harness", "harness.binder", "harness.framework"])
def test_everything_public_is_checked(package: str) -> None:
    """The functions and the methods with arguments of all that the packages export, errors apart."""
    module = importlib.import_module(package)
    unchecked = []
    for name in module.__all__:
        exported = getattr(module, name)
        if exported.__module__.startswith(FOR_CLAIMS):
            continue
        if inspect.isfunction(exported):
            members = {name: exported}
        elif isinstance(exported, type) and not issubclass(exported, BaseException):
            members = {
                f"{name}.{method}": value
                for method, value in vars(exported).items()
                if inspect.isfunction(value) and not method.startswith("_")
            }
        else:
            members = {}
        for label, function in members.items():
            has_arguments = len(inspect.signature(function).parameters) > ("." in label)
            if has_arguments and CHECKED not in vars(function):
                unchecked.append(label)
    assert unchecked == []


def test_a_function_is_checked_too() -> None:
    @checked
    def twice(number: int) -> int:
        return 2 * number

    assert twice(2) == 4
    with pytest.raises(TypeError, match="twice: number is None; expected int"):
        twice(None)


def test_a_handler_is_a_function_wherever_its_type_is_imported() -> None:
    """`Device.service` knows the name of the type alone."""
    DEVICE.service("my.service", lambda _: None)
    with pytest.raises(TypeError, match="handler is 'text', of type str; expected Handler"):
        DEVICE.service("my.service", "text")


def test_a_double_may_stand_in_for_a_class_of_ours() -> None:
    @checked
    def opened(process: RemoteProcess) -> object:
        return process

    double: Any = SimpleNamespace(pid=1)
    assert opened(double) is double


def test_several_threads_may_be_the_first_to_call_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    @checked
    def gather(first: int, *rest: str) -> tuple[str, ...]:
        return rest[:first]

    both = threading.Barrier(2, timeout=10)
    hints_of = argument_types.hints_of

    def hints_at_once(function: Callable[..., Any]) -> dict[str, Any]:
        both.wait()
        return hints_of(function)

    monkeypatch.setattr(argument_types, "hints_of", hints_at_once)
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(gather, (1, 2), "ab")) == [("a",), ("b",)]
    monkeypatch.undo()
    assert gather(2, "a", "b") == ("a", "b")


def test_what_our_own_modules_pass_on_is_not_checked() -> None:
    """Each call of a user led to ten checked calls, a third of the time that Python took for it."""

    @checked
    def twice(number: int) -> int:
        return 2 * number

    ours: dict[str, Any] = {"__name__": "harness.binder.endpoint", "twice": twice}
    exec("def pass_on(value): return twice(value)", ours)
    assert ours["pass_on"]("ab") == "abab"
