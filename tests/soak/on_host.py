"""Faults on the machine where runs go on: signals to their processes, and an adb server that is ended."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator

from tests.soak.belongings import Process
from tests.soak.round import Round

FOUND_WITHIN = 60.0
STOPPED_FOR = 2.0
"""The longest time for which a process is stopped."""
Chosen = Callable[[Process], bool]


def is_qemu(process: Process) -> bool:
    """Whether it is a device."""
    return process.program.startswith("qemu-system")


def is_adb_server(process: Process) -> bool:
    """Whether it is the adb server that a run has started."""
    return process.program == "adb" and "server" in process.command


def is_keeper(process: Process) -> bool:
    """Whether it is the shell that ends the adb server after the last run (emulator/adb/server.py)."""
    return process.program == "sh" and any("nodaemon server" in word for word in process.command)


def signal_run(sent: signal.Signals, longest: float) -> Callable[[Round], bool]:
    """Send the run a signal at a random moment of so many seconds."""

    def inflict(this: Round) -> bool:
        this.pause(longest)
        if not this.running:
            return False
        this.runs[0].process.send_signal(sent)
        return True

    return inflict


def signal_one(chosen: Chosen, longest: float, *signals: signal.Signals) -> Callable[[Round], bool]:
    """Send such a process one of these signals, at a random moment after it has started."""

    def inflict(this: Round) -> bool:
        process = find(this, chosen)
        if process is None:
            return False
        this.pause(longest)
        return this.running and process.send(this.random.choice(signals))

    return inflict


def stop_for_a_while(chosen: Chosen | None, longest: float) -> Callable[[Round], bool]:
    """Stop such a process, or the run itself, for up to two seconds."""

    def inflict(this: Round) -> bool:
        process = Process(this.runs[0].process.pid, ()) if chosen is None else find(this, chosen)
        if process is None:
            return False
        this.pause(longest)
        if not this.running or not process.send(signal.SIGSTOP):
            return False
        this.pause(STOPPED_FOR)
        return process.send(signal.SIGCONT)

    return inflict


def find(this: Round, chosen: Chosen) -> Process | None:
    """The first such process, once there is one; None where the run ends before."""
    for _ in _while_running(this):
        for process in this.processes():
            if chosen(process):
                return process
    return None


def end_adb_server(this: Round) -> bool:
    """What `adb kill-server` does, as another program does it at any time."""
    if find(this, is_adb_server) is None:
        return False
    this.pause(1.0)
    with contextlib.suppress(OSError), _connected(this) as server:
        _ask(server, "host:kill")
        return True
    return False


def on_device(*commands: str, longest: float = 1.0) -> Callable[[Round], bool]:
    """Run one of these commands on the run's device, through its adb server, as another user would."""

    def inflict(this: Round) -> bool:
        for _ in _while_running(this):
            with contextlib.suppress(OSError):
                serial = _device(this)
                if serial:
                    this.pause(longest)
                    return this.running and _started(this, serial, this.random.choice(commands))
        return False

    return inflict


def _while_running(this: Round) -> Iterator[None]:
    last = time.monotonic() + FOUND_WITHIN
    while this.running and time.monotonic() < last:
        yield
        time.sleep(0.01)


def _device(this: Round) -> str:
    with _connected(this) as server:
        listed = _ask(server, "host:devices").decode(errors="replace")
    # Four digits give the length of the list.
    return next((line.split("\t")[0] for line in listed[4:].splitlines() if line.endswith("\tdevice")), "")


def _started(this: Round, serial: str, command: str) -> bool:
    with _connected(this) as server:
        server.sendall(_request(f"host:transport:{serial}"))
        if server.recv(4) != b"OKAY":
            return False
        with contextlib.suppress(OSError):  # what the command does may end the connection
            _ask(server, f"shell:{command}")
    return True


def _connected(this: Round) -> socket.socket:
    return socket.create_connection(("127.0.0.1", this.place.adb_port), timeout=5.0)


def _ask(server: socket.socket, service: str) -> bytes:
    """The answer of a service to its end ; OSError where it fails (AOSP, adb/OVERVIEW.TXT)."""
    server.sendall(_request(service))
    if server.recv(4) != b"OKAY":
        raise ConnectionError(f"the adb server refused {service}")
    answer = b""
    while piece := server.recv(4096):
        answer += piece
    return answer


def _request(service: str) -> bytes:
    return f"{len(service):04x}{service}".encode()
