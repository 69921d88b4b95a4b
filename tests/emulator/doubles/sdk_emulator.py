"""Stands in for the Android SDK's `emulator`, on a machine that has none; written from its sources.

The behaviours, each with its place in platform/external/qemu (2018 to 2024):

- which options there are: android/cmdline-options.h; an unknown one ends it. Their meaning:
  developer.android.com/studio/run/emulator-commandline.
- where AVDs are: android/emulation/ConfigDirs.cpp, getAvdRootDirectory ($ANDROID_AVD_HOME only where that
  is a directory); what an SDK must hold: the same file, isValidSdkRoot.
- NAME.ini, config.ini and the search for the image: android/avd/info.c, avdInfo_new.
- one emulator that writes, or several with `-read-only`: android/multi-instance.cpp, initInstanceShareMode,
  and base/files/FileShareOpen.cpp, fsopen: flock(2), exclusive or shared, on multiinstance.lock.
- the disks: sdk_disks has them.
- hardware-qemu.ini is written at each start; a snapshot whose hardware differs in avd.name is refused, and
  deleted (android/snapshot/Snapshot.cpp, areHwConfigsEqual; Quickboot.cpp, decideFailureReport). With
  `-force-snapshot-load` the emulator then ends.
- bootcompleted.ini goes at a start and comes back when Android has booted:
  android/emulation/QemuMiscPipe.cpp, qemuMiscPipeDecodeAndExecute.
- what it announces to the adb server whose port is in its environment: AdbHostServer.cpp; the console on an
  even port and adbd on the next, the console's token: sdk_console.py cites the documentation.

Behind adb's port is the embedded device. AVDs with these names behave differently: `crashes` ends while it
starts, `hangs` never has anything behind adb's port.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import sys
from pathlib import Path

from emulator.kinds.sdk.avd import parse_ini
from tests.emulator.doubles import sdk_disks

FLAGS = (
    *("-no-window", "-no-audio", "-no-boot-anim", "-read-only", "-skip-adb-auth"),
    *("-no-snapshot", "-no-snapshot-save", "-force-snapshot-load"),
)
VALUES = {
    "-avd": None,
    "-snapshot": None,
    "-gpu": ("auto", "host", "swiftshader_indirect", "swiftshader", "off"),
    "-accel": ("auto", "on", "off"),
    "-port": tuple(map(str, range(5554, 5684, 2))),
}
TOKEN = "of a double"


def main(words: list[str]) -> int:
    if words == ["-list-avds"]:
        print("INFO    | Storing crashdata in: /tmp/android-user/emu-crash.db")
        print("\n".join(sorted(file.stem for file in avd_home().glob("*.ini"))))
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
    return start(options["-avd"], int(options["-port"]), options["-snapshot"], words)


def start(name: str, port: int, snapshot: str, words: list[str]) -> int:
    print(f"INFO    | Android emulator version 36.1.9.0: AVD {name}, console port {port}", flush=True)
    content, image = opened_avd(name)
    if name == "crashes":
        print("FATAL   | the double of the emulator ends here, as configured", flush=True)
        return 139
    read_only, load = "-read-only" in words, "-force-snapshot-load" in words
    with (content / "multiinstance.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if read_only else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                "ERROR   | Another emulator instance is running. Please close it or run all emulators with "
                "-read-only flag."
            )
            return 1
        (content / "hardware-qemu.ini").write_text(f"avd.name={name}\ndisk.dataPartition.path={content}\n")
        (content / "bootcompleted.ini").unlink(missing_ok=True)
        if load and not loads(content, snapshot, name):
            return 1
        version = parse_ini((image / "build.prop").read_text())["ro.build.version.incremental"]
        marks = sdk_disks.open_disk(
            content, image_version=version, snapshot=snapshot, load=load, read_only=read_only
        )
        print(f"INFO    | the guest's disk has: {' '.join(marks)}", flush=True)
        run(name, port, content)
    return 0


def opened_avd(name: str) -> tuple[Path, Path]:
    """The directories of an AVD's content and of its image."""
    ini = avd_home() / f"{name}.ini"
    if not ini.exists():
        sys.exit(f"PANIC: Unknown AVD name [{name}], use -list-avds to see valid list.")
    values = parse_ini(ini.read_text())
    content = Path(values["path"])
    if not content.is_dir():
        content = ini.parents[1] / values.get("path.rel", "")
    image = parse_ini((content / "config.ini").read_text()).get("image.sysdir.1")
    if image is None:
        sys.exit("ERROR   | no search paths found in this AVD's configuration.")
    sdk = Path(os.environ["ANDROID_HOME"])
    if not all((sdk / needed).is_dir() for needed in ("platforms", "platform-tools", image)):
        sys.exit("PANIC: Broken AVD system path. Check your ANDROID_SDK_ROOT value")
    return content, sdk / image


def loads(content: Path, snapshot: str, name: str) -> bool:
    """Whether a snapshot can be loaded; one that is there and does not fit is deleted."""
    directory = content / "snapshots" / snapshot
    hardware = directory / "hardware.ini"
    if hardware.exists() and parse_ini(hardware.read_text()).get("avd.name") == name:
        print(f"INFO    | Loading snapshot '{snapshot}'...", flush=True)
        return True
    if directory.exists():
        print("WARNING | Emulator will delete existing snapshot and do a cold boot instead...")
        shutil.rmtree(directory)
    print(f"FATAL   | Snapshot '{snapshot}' cannot be loaded", flush=True)
    return False


def run(name: str, port: int, content: Path) -> None:
    with socket.create_server(("127.0.0.1", port)) as console:
        if name == "hangs":
            with socket.create_server(("127.0.0.1", port + 1)):
                announce(port)
                serve(console)
        else:
            # What only answers a question starts often, and needs none of what this imports.
            from tests.emulator.doubles.embedded_behind import embedded_behind

            with embedded_behind(port + 1):
                announce(port)
                (content / "bootcompleted.ini").touch()
                print("INFO    | Boot completed in 3000 ms", flush=True)
                serve(console)


def avd_home() -> Path:
    given = os.environ.get("ANDROID_AVD_HOME", "")
    return Path(given) if given and Path(given).is_dir() else Path.home() / ".android" / "avd"


def parsed(words: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in VALUES:
            valid, given[word] = VALUES[word], next(rest, "")
            if valid is not None and given[word] not in valid:
                sys.exit(f"ERROR   | {word} takes one of {valid}, not {given[word]!r}")
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
