"""The emulator's console, as its documentation shows a session."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emulator.base.errors import HarnessError
from emulator.host.this_machine import ThisMachine
from emulator.kinds.sdk.console import TOKEN, EmulatorConsole

HERE = ThisMachine()
ASKS = f"Android Console: Authentication required\r\nfind the token in {TOKEN}\r\nOK\r\n"
OPEN = "Android Console: type 'help' for a list of commands\r\nOK\r\n"


@contextmanager
def console(*answers: str) -> Iterator[tuple[int, list[str]]]:
    """Its port and the lines it receives: it greets, then answers each line with the next of the answers."""
    received: list[str] = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            for answer in answers:
                connection.sendall(answer.encode())
                if not (line := lines.readline()):
                    return
                received.append(line.decode().rstrip())

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], received
        thread.join()


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / TOKEN).write_text("secret")


def test_the_token_of_the_users_home_is_shown() -> None:
    with console(ASKS, "OK\r\n", "AVD\r\nOK\r\n") as (port, received):
        with EmulatorConsole(HERE, port) as session:
            assert session.execute("avd name") == "AVD"
        assert received == ["auth secret", "avd name"]


def test_one_that_asks_for_no_token_is_shown_none() -> None:
    with console(OPEN, "OK: killing emulator, bye bye\r\n") as (port, received):
        with EmulatorConsole(HERE, port) as session:
            session.execute("kill")
        assert received == ["kill"]


def test_a_refusal_is_an_error() -> None:
    with (
        console(ASKS, "KO: authentication token does not match\r\n") as (port, _),
        pytest.raises(HarnessError, match="refuses auth: KO: authentication token does not match"),
    ):
        EmulatorConsole(HERE, port)


def test_one_that_breaks_off_or_is_not_there_is_an_error() -> None:
    with (
        console(OPEN) as (port, _),
        EmulatorConsole(HERE, port) as session,
        pytest.raises(HarnessError, match="broke after kill"),
    ):
        session.execute("kill")
    with pytest.raises(HarnessError, match="No emulator's console answers"):
        EmulatorConsole(HERE, port)
