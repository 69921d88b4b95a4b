"""The client of the adb server: every request of this project goes through it and fails in one way.

adbutils speaks the protocol; it is imported with the first request (library.py).
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from emulator.adb.library import adbutils, client_class
from emulator.adb.listing import CHOSEN_OTHERWISE, Listing, parse_listing
from emulator.adb.offline import OfflineConnection
from emulator.adb.server import answers, ensure_adb_server, server_port
from emulator.adb.transfer import LARGEST_FILE, ExcessError, pull_file, receive_answer
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError

Answer = TypeVar("Answer")

REACHED = "device"
"""The state of a device that takes commands (AOSP, packages/modules/adb, to_string(ConnectionState))."""
UNAUTHORIZED = "unauthorized"
"""The state of a device that has refused every key of the server."""
GONE = "gone"
"""The state, in our words, of a device that the server does not list."""
ANSWERS_WITHIN = 5.0
OPENS_WITHIN = 60.0
"""Seconds for adbd to start a command on a device that is busy."""
STALLS_WITHIN = 60.0
"""Seconds that a file transfer may take without progress."""

logger = logging.getLogger(__name__)


class AdbRequestError(HarnessError):
    """The adb server or adbd refused a request, did not answer it in time, or broke off."""

    def __init__(self, failure: str, reason: str) -> None:
        super().__init__(failure, reason)
        self.reason = reason
        """Why, in adb's words."""

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.reason}."


class AdbClient:
    """Requests to the adb server that adb's own tools would use, and through it to adbd on devices.

    A device is given by its name in the server's listing. A request to it first ensures that a server runs.
    It is made a second time only where `reach_again` returns true: where adb had lost the device, and reaches
    it again.
    """

    def __init__(self, *, reach_again: Callable[[], bool] = lambda: False) -> None:
        self.port = server_port()
        self._reach_again = reach_again
        self._connections: defaultdict[str, OfflineConnection] = defaultdict(OfflineConnection)

    def ensure_server(self) -> None:
        """Use the adb server that runs, or start one; SetupError when none can be started."""
        ensure_adb_server(self.port, adb_path)

    @property
    def server_runs(self) -> bool:
        """Whether a server runs; adbutils would start one for any request, and never end it."""
        return answers(self.port)

    def server_version(self) -> int:
        """The version of the running server, which clients compare with theirs (AOSP, adb.h)."""
        with _translated("The adb server does not report its version"):
            return int(self._library(ANSWERS_WITHIN).server_version())

    def devices(self) -> Listing:
        """What the running server lists; nothing where none runs."""
        if not self.server_runs:
            return Listing()
        failure = f"The adb server on port {self.port} does not answer. If it hangs, run `adb kill-server`"
        with _translated(failure), self._library(ANSWERS_WITHIN).make_connection() as connection:
            connection.send_command("host:devices-l")
            connection.check_okay()
            return Listing(parse_listing(connection.read_string_block()))

    def features(self, serial: str) -> frozenset[str]:
        """What the device's adbd can do beyond the first protocol (transport.cpp, kFeature…)."""

        def features(device: Any) -> frozenset[str]:
            with device.open_transport("features", timeout=ANSWERS_WITHIN) as connection:
                return frozenset(connection.read_string_block().split(","))

        return self._request(serial, "features", features, ANSWERS_WITHIN)

    def state(self, serial: str) -> str:
        """`device`, `offline`, `unauthorized` …, or `gone`."""
        found = self.devices().get(serial)
        return found.state if found else GONE

    def connect(self, address: str) -> None:
        """Make the server connect to an address; `state` shows whether that worked."""
        self.ensure_server()
        logger.debug("adb: connect %s", address)
        with contextlib.suppress(AdbRequestError), _translated(f"adb does not connect to {address}"):
            self._library(ANSWERS_WITHIN).connect(address, timeout=ANSWERS_WITHIN)

    def announce(self, emulator: str) -> None:
        """Make the server look for an emulator, `emulator-N`; `state` shows whether it found one.

        The server looks for emulators once, when it starts, and for one that it lost during a minute (AOSP,
        packages/modules/adb/client/transport_emulator.cpp); the emulator announces itself once.
        """
        self.ensure_server()
        port = int(emulator.removeprefix("emulator-")) + 1
        logger.debug("adb: host:emulator:%d", port)
        failure = f"adb does not look for {emulator}"
        with (
            contextlib.suppress(AdbRequestError),
            _translated(failure),
            self._library(ANSWERS_WITHIN).make_connection() as connection,
        ):
            connection.send_command(f"host:emulator:{port}")  # which it does not answer (adb.cpp)

    def disconnect(self, address: str) -> None:
        """Make the server forget an address, if it knows it."""
        if self.server_runs:
            logger.debug("adb: disconnect %s", address)
            with contextlib.suppress(AdbRequestError), _translated(f"adb does not disconnect {address}"):
                self._library(ANSWERS_WITHIN).disconnect(address)

    def reach(self, serial: str) -> str:
        """The state of a device; connects first to an address, or announces an emulator, that is unlisted.

        So it does with an address that has been offline for long: adb connects to none that it lists.
        """
        state = self.state(serial)
        if is_address(serial):
            if self._connections[serial].is_dead(state):
                self.disconnect(serial)
                state = GONE
            if state == GONE:
                self.connect(serial)
                state = self.state(serial)
        elif state == GONE and re.fullmatch(r"emulator-\d{1,5}", serial):
            self.announce(serial)
            state = self.state(serial)
        return state

    def ask(self, serial: str, service: str) -> str:
        """The answer of one of adbd's services (AOSP, packages/modules/adb/SERVICES.TXT)."""

        deadline = Deadline(ANSWERS_WITHIN)

        def answer(device: Any) -> str:
            with device.open_transport(timeout=ANSWERS_WITHIN) as connection:
                connection.send_command(service)
                connection.check_okay()
                return receive_answer(connection, deadline)

        return self._request(serial, service, answer, ANSWERS_WITHIN)

    def output(self, serial: str, command: str) -> str:
        """The output of a short shell command; empty where the device does not answer."""
        with contextlib.suppress(AdbRequestError):
            return self.ask(serial, f"shell:{command}")
        return ""

    def open_shell(self, serial: str, line: str) -> socket.socket:
        """Start a command under adb's shell protocol; the caller closes the connection that carries it."""
        service = f"shell,v2,raw:{line}"

        def opened(device: Any) -> socket.socket:
            with contextlib.ExitStack() as on_failure:
                connection = on_failure.enter_context(device.open_transport(timeout=OPENS_WITHIN))
                connection.send_command(service)
                connection.check_okay()
                on_failure.pop_all()
                return connection.conn  # type: ignore[no-any-return]

        return self._request(serial, service, opened, OPENS_WITHIN)

    def push(self, serial: str, local: Path, remote: str, mode: int) -> None:
        """Copy a file to the device, whole."""
        self._request(
            serial,
            f"sync: push {remote}",
            lambda device: device.sync.push(local, remote, mode, check=True),
            STALLS_WITHIN,
        )

    def pull(self, serial: str, remote: str, local: Path, *, largest: int = LARGEST_FILE) -> None:
        """Copy a file of at most `largest` bytes from the device."""

        def pull(device: Any) -> None:
            with device.open_transport(timeout=STALLS_WITHIN) as connection:
                pull_file(connection, remote, local, largest=largest, stalls=STALLS_WITHIN)

        self._request(serial, f"sync: pull {remote}", pull, STALLS_WITHIN)

    def file_mode(self, serial: str, remote: str) -> int:
        """A file's type and permissions, as st_mode of stat(2); 0 where there is none."""
        return self._request(
            serial, f"sync: stat {remote}", lambda device: int(device.sync.stat(remote).mode), ANSWERS_WITHIN
        )

    def _request(self, serial: str, service: str, request: Callable[[Any], Answer], seconds: float) -> Answer:
        """Make a request of adbd on a device, and where adb had lost the device, once more."""
        try:
            return self._request_once(serial, service, request, seconds)
        except AdbRequestError:
            if not self._reach_again():
                raise
        return self._request_once(serial, service, request, seconds)

    def _request_once(
        self, serial: str, service: str, request: Callable[[Any], Answer], seconds: float
    ) -> Answer:
        self.ensure_server()
        logger.debug("adb -s %s: %s", serial, service)
        with _translated(f"{serial} does not answer “{service}”"):
            listed = self.devices().get(serial)
            # Of a device that it does not list, the server says so itself.
            chosen = {"serial": serial} if listed is None else listed.selector
            return request(self._library(seconds).device(**chosen))

    def _library(self, seconds: float) -> Any:
        """adbutils' client, whose every step may take so many seconds."""
        return client_class()(host="127.0.0.1", port=self.port, socket_timeout=seconds)


def adb_path() -> str:
    """The adb program on the PATH, or else the one that adbutils carries."""
    return str(adbutils().adb_path())


def is_address(serial: str) -> bool:
    """Whether the serial is HOST:PORT, which adb connects to on request."""
    if serial.startswith(CHOSEN_OTHERWISE):
        return False
    return re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[\w.-]+):\d+", serial) is not None


@contextlib.contextmanager
def _translated(failure: str) -> Iterator[None]:
    """Raise what adbutils raises as an AdbRequestError."""
    library = adbutils()
    # It unpacks and asserts what it reads: where the connection breaks off, that is too short.
    malformed = (EOFError, AssertionError, ValueError, struct.error)
    failures = (library.AdbError, OSError, ExcessError, TimeLimitError, *malformed)
    try:
        yield
    except failures as error:
        raise AdbRequestError(failure, str(error) or type(error).__name__) from error
