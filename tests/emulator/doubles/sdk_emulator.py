"""Stands in for the Android SDK's `emulator`, on a machine that has none.

What it imitates is documented at developer.android.com/studio/run/emulator-commandline: the options (a page
section each), the console on an even port and adbd on the next (“-port”), the console's authentication
(/studio/run/emulator-console, “Start and stop a console session”). Of AOSP's emulator: what it announces to
the adb server whose port is in its environment (AdbHostServer.cpp), the options “-read-only” and
“-skip-adb-auth” (android/cmdline-options.h), that a snapshot which is to be loaded by force and cannot be
ends it (its “-force-snapshot-load”, as Android's Gradle plugin uses it). It takes the options that our code
may use and no other: an unknown one ends it, as it ends the real program.

The AVDs: `embedded` starts, afresh or from its snapshot `default_boot`; `crashes` ends while it starts;
`hangs` never has anything behind adb's port.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path

from tests.emulator.doubles.embedded_behind import embedded_behind

AVDS = ("embedded", "crashes", "hangs")
SNAPSHOTS = ("default_boot",)
FLAGS = (
    *("-no-window", "-no-audio", "-no-boot-anim", "-read-only", "-skip-adb-auth"),
    *("-no-snapshot", "-no-snapshot-save", "-force-snapshot-load"),
)
VALUES = {
    "-avd": AVDS,
    "-gpu": ("auto", "host", "swiftshader_indirect", "swiftshader", "off"),
    "-accel": ("auto", "on", "off"),
    "-port": tuple(map(str, range(5554, 5684, 2))),
}
TOKEN = "of a double"


def main(words: list[str]) -> int:
    if words == ["-list-avds"]:
        print("INFO    | Storing crashdata in: /tmp/android-user/emu-crash.db")
        print("\n".join(AVDS))
        return 0
    if words == ["-accel-check"]:
        usable = "DOUBLE_ACCELERATES" in os.environ
        print("accel:", 0 if usable else 8, sep="\n")
        print("KVM (version 12) is installed and usable." if usable else "/dev/kvm is not found.")
        print("accel")
        return 0 if usable else 8
    options = parsed(words)
    if options["-accel"] == "on" and "DOUBLE_ACCELERATES" not in os.environ:
        print("ERROR   | x86_64 emulation currently requires hardware acceleration!")
        return 1
    port = int(options["-port"])
    print(
        f"INFO    | Android emulator version 36.1.9.0: AVD {options['-avd']}, console port {port}", flush=True
    )
    if options["-snapshot"] and "-force-snapshot-load" in words:
        if options["-snapshot"] not in SNAPSHOTS:
            print(f"FATAL   | Snapshot '{options['-snapshot']}' cannot be loaded", flush=True)
            return 1
        print(f"INFO    | Loading snapshot '{options['-snapshot']}'", flush=True)
    if options["-avd"] == "crashes":
        print("FATAL   | the double of the emulator ends here, as configured", flush=True)
        return 139
    with socket.create_server(("127.0.0.1", port)) as console:
        if options["-avd"] == "hangs":
            with socket.create_server(("127.0.0.1", port + 1)):
                announce(port)
                serve(console)
        else:
            with embedded_behind(port + 1):
                announce(port)
                print("INFO    | Boot completed in 3000 ms", flush=True)
                serve(console)
    return 0


def parsed(words: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word == "-snapshot":
            given[word] = next(rest, "")
        elif word in VALUES:
            given[word] = next(rest, "")
            if given[word] not in VALUES[word]:
                sys.exit(f"ERROR   | {word} takes one of {VALUES[word]}, not {given[word]!r}")
        elif word not in FLAGS:
            sys.exit(f"unknown option: {word}\nplease use -help for a list of valid options")
    return {"-accel": "auto", "-port": "5554", "-snapshot": "", **given}


def announce(port: int) -> None:
    """Announce the adbd on the next port to the adb server (AOSP, adb's SERVICES.TXT, host:emulator)."""
    request = f"host:emulator:{port + 1}".encode()
    server = int(os.environ.get("ANDROID_ADB_SERVER_PORT", "5037"))
    with (
        contextlib.suppress(ConnectionRefusedError),  # where no server runs
        socket.create_connection(("127.0.0.1", server), timeout=5) as connection,
    ):
        connection.sendall(b"%04x" % len(request) + request)


def serve(console: socket.socket) -> None:
    """Be the console until a client with the token sends `kill`."""
    token = Path.home() / ".emulator_console_auth_token"
    if not token.exists():
        token.write_text(TOKEN)
        token.chmod(0o600)
    while True:
        connection, _ = console.accept()
        with connection, connection.makefile("rb") as lines:
            answer(connection, f"Android Console: Authentication required\nfrom {token}\nOK")
            trusted = False
            for line in lines:
                match line.decode().split():
                    case ["auth", *words]:
                        trusted = " ".join(words) == token.read_text()
                        answer(connection, "OK" if trusted else "KO: the token does not match")
                    case ["kill"] if trusted:
                        answer(connection, "OK: killing emulator, bye bye")
                        return
                    case ["quit"]:
                        break
                    case _:
                        answer(connection, "KO: unknown command, try 'help'")


def answer(connection: socket.socket, text: str) -> None:
    connection.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
