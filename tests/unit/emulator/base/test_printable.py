from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import DeviceLostError
from emulator.base.printable import PrintableFormatter, printable, show

ANY_TEXT = st.text(st.characters())  # with surrogates, unlike st.text()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, in lines\n\tand ✓ Ω 漢字", "plain, in lines\n\tand ✓ Ω 漢字"),
        ("\x1b]0;title\x07", r"\u001b]0;title\u0007"),
        ("\x9b31m", r"\u009b31m"),  # the one-byte form of ESC [
        ("over\rwritten\b", r"over\rwritten\b"),
        ("safe\u202egnp.exe", r"safe\u202egnp.exe"),
        ("\u2066\u200b\u2028", r"\u2066\u200b\u2028"),
        ("\udc80", r"\udc80"),
        ("\x00\x7f", r"\u0000\u007f"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY_TEXT)
def test_every_text_becomes_printable_once_and_can_be_encoded(text: str) -> None:
    shown = printable(text)
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    assert printable(shown) == shown
    shown.encode()


@given(st.lists(ANY_TEXT.filter(lambda text: text == json.loads(json.dumps(text)))))
def test_json_made_printable_has_the_same_value(texts: list[str]) -> None:
    assert json.loads(printable(json.dumps(texts, ensure_ascii=False))) == texts


def test_text_is_shown_on_either_stream(capsys: pytest.CaptureFixture[str]) -> None:
    show("\x1b[2J")
    show("\x1b[2J", errors=True, end="")
    assert capsys.readouterr() == ("\\u001b[2J\n", "\\u001b[2J")


def test_errors_and_log_records_are_printable() -> None:
    error = DeviceLostError("It panicked:\n\x1b[2J")
    assert str(error) == "It panicked:\n\\u001b[2J"
    record = logging.LogRecord("adb", logging.INFO, __file__, 1, "got %s", ("\x1b[2J",), None)
    assert PrintableFormatter("%(message)s").format(record) == "got \\u001b[2J"
