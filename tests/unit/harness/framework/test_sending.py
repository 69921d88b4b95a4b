"""The route of a broadcast to a device, and the arguments of the shell's command."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, HarnessError, UsageError
from harness.framework.activity_manager import BroadcastResult
from harness.framework.bundle import Long, Value
from harness.framework.dialect import Dialect
from harness.framework.intent import ComponentName, Intent, Rect
from harness.framework.sending import binder_broadcast, goes_over_binder, send_broadcast, shell_broadcast
from harness.framework.uri import Uri
from tests.support.fake_device import FACTS
from tests.unit.harness.framework.test_activity_manager import ANDROID_16
from tests.unit.harness.framework.test_history import shell

INTENT = Intent(action="a.B")


def test_a_broadcast_from_the_shell() -> None:
    device = shell('Broadcasting: Intent { act=a.B }\nBroadcast completed: result=5, data="so"')
    extras: dict[str, Value] = {"t": "x y", "n": 1, "l": Long(2), "z": False}
    intent = Intent(
        action="a.B",
        data=Uri("content://x"),
        identifier="one",
        flags=0x10000020,
        package="p",
        component=ComponentName("p", "p.C"),
        categories=("c",),
        extras=extras,
    )
    assert shell_broadcast(device, intent) == BroadcastResult(code=5, data="so")
    words = [
        "-a",
        "a.B",
        "-d",
        "content://x",
        "-i",
        "one",
        "-f",
        "268435488",
        "-p",
        "p",
        "-n",
        "p/.C",
        "-c",
        "c",
    ]
    values = ["--es", "t", "x y", "--ei", "n", "1", "--el", "l", "2", "--ez", "z", "false"]
    assert device.commands == [["cmd", "activity", "broadcast", *words, *values]]


@pytest.mark.parametrize(
    ("flags", "word"), [(1, "1"), (0x7FFFFFFF, "2147483647"), (0x80000000, "-2147483648"), (0xFFFFFFFF, "-1")]
)
def test_flags_are_the_number_that_java_takes_for_them(flags: int, word: str) -> None:
    device = shell("Broadcast completed: result=0")
    shell_broadcast(device, Intent(flags=flags))
    assert device.commands == [["cmd", "activity", "broadcast", "-f", word]]


@pytest.mark.parametrize(
    ("printed", "data"),
    [
        ("", None),
        (', data=""', ""),
        (', data="say "hi" now"', 'say "hi" now'),
        (', data="two\nlines"', "two\nlines"),
        (', data="so", extras: Bundle[{a=b}]', "so"),
        (', data="so", extras: Bundle[{a="b", c=d}]', "so"),
        (', data="two\n"lines"", extras: Bundle[{a=b\nc}]', 'two\n"lines"'),
        (', extras: Bundle[{a=", data="b"}]', None),
    ],
)
def test_the_data_of_a_result_is_whole(printed: str, data: str | None) -> None:
    device = shell(f"Broadcasting: Intent {{ act=a.B }}\nBroadcast completed: result=-1{printed}\n")
    assert shell_broadcast(device, INTENT) == BroadcastResult(code=-1, data=data)


def test_data_without_its_closing_quote_is_not_a_completion() -> None:
    with pytest.raises(HarnessError, match="did not report the end of the broadcast"):
        shell_broadcast(shell('Broadcast completed: result=0, data="half'), INTENT)


@pytest.mark.parametrize(
    ("intent", "message"),
    [
        (Intent(action="a", extras={"b": b"bytes"}), "only strings"),
        (Intent(extended_flags=1), "cannot send an Intent's extended_flags:"),
        (Intent(source_bounds=Rect(0, 0, 1, 1)), "cannot send an Intent's source_bounds:"),
        (
            Intent(selector=Intent(), content_user_hint=0),
            "cannot send an Intent's selector, content_user_hint:",
        ),
        (Intent(flags=1 << 32), "32 bits, not 0x100000000"),
        (Intent(flags=-1), "32 bits, not -0x1"),
    ],
)
def test_what_the_shell_cannot_send(intent: Intent, message: str) -> None:
    device = shell("Broadcast completed: result=0")
    with pytest.raises(UsageError, match=message):
        shell_broadcast(device, intent)
    assert device.commands == []


def test_a_broadcast_that_is_not_completed() -> None:
    with pytest.raises(HarnessError, match="Error: no"):
        shell_broadcast(shell("Error: no"), INTENT)


@pytest.mark.parametrize(
    ("dialect", "over_binder"),
    [
        (None, True),
        (Dialect.of_release(11), True),
        (Dialect.of_release(13), True),
        (ANDROID_16, False),
        (FacilityMissingError("Android 14 is not supported"), False),
    ],
)
def test_the_route_follows_from_the_device_s_dialect(
    dialect: Dialect | Exception | None, over_binder: bool
) -> None:
    def find_dialect() -> Dialect | None:
        if isinstance(dialect, Exception):
            raise dialect
        return dialect

    assert goes_over_binder(find_dialect) is over_binder


def test_an_unsupported_release_gets_broadcasts_from_the_shell() -> None:
    device = cast(Any, shell('Broadcast completed: result=0, data="by the shell"'))
    device.facts = dataclasses.replace(FACTS, android_release="9")
    assert send_broadcast(device, INTENT).data == "by the shell"


def test_the_sender_s_result_is_returned() -> None:
    sender = SimpleNamespace(
        send_ordered=lambda intent, _: BroadcastResult(data=f"over Binder: {intent.action}")
    )
    assert binder_broadcast(cast(Any, sender), INTENT, Deadline(1)).data == "over Binder: a.B"


def test_a_user_that_is_not_started() -> None:
    sender = cast(Any, SimpleNamespace(send_ordered=lambda *_: None))
    with pytest.raises(HarnessError, match="reached no receiver: the device's user has not been started"):
        binder_broadcast(sender, INTENT, Deadline(1))
