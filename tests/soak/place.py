"""Where the rounds of one worker run: a cache, a port for the adb server and a directory of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.soak.belongings import MARK

ROOT = Path(__file__).parents[2]
PORTS = range(15400, 16400)
"""For adb servers: below those that the kernel gives to connections (ip_local_port_range)."""
ENTRIES = """
from emulator.cache import store
from harness.device.device import open_device
with open_device():
    print(*store._held, sep="\\n")
"""
"""Prints the entries of the cache that the embedded device needs."""
PREPARED_WITHIN = 1200.0
SHARED = ("acceleration.json", "apt-amd64")
"""What a copy of the cache has in addition, so that a run in it downloads and measures nothing again."""


@dataclass(frozen=True, slots=True)
class Place:
    """The surroundings of a worker's rounds; no other program uses them."""

    directory: Path
    adb_port: int

    @property
    def cache(self) -> Path:
        """The cache of its runs; its path has a blank, as a home's may."""
        return self.directory / "its cache"

    @property
    def temporary(self) -> Path:
        """The directory for temporary files."""
        return self.directory / "temporary files"

    @property
    def results(self) -> Path:
        """Where runs start and write their documents."""
        return self.directory / "results"

    def environment(self, mark: str) -> dict[str, str]:
        """That of a round's processes, by which they are recognised."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BINDER_HARNESS_")}
        return {
            **kept,
            MARK: mark,
            "BINDER_HARNESS_CACHE": str(self.cache),
            "TMPDIR": str(self.temporary),
            "ANDROID_ADB_SERVER_PORT": str(self.adb_port),
            # It looks for no emulators: another server may have them (AOSP, transport_emulator.cpp).
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "5553",
            "PYTHONPATH": str(ROOT),
        }


@contextlib.contextmanager
def places(directory: Path, count: int) -> Iterator[list[Place]]:
    """Places for so many workers, with ports that no other campaign uses meanwhile."""
    with contextlib.ExitStack() as held:
        free = (port for port in PORTS if _hold(port, held))
        yield [Place(directory / f"worker{index}", next(free)) for index in range(count)]


def _hold(port: int, held: contextlib.ExitStack) -> bool:
    """Whether nobody uses a port; the same one of UDP is held, by which other campaigns see that."""
    with contextlib.ExitStack() as on_failure:
        mark = on_failure.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        try:
            mark.bind(("127.0.0.1", port))
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            return False
        held.enter_context(on_failure.pop_all())
    return True


def prepare(place: Place) -> None:
    """Fill the place's cache with copies of what the user's cache has, and start a device in it once."""
    for directory in (place.cache, place.temporary, place.results):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    users = {name: value for name, value in os.environ.items() if name != "BINDER_HARNESS_CACHE"}
    entries = [Path(line) for line in _python(ENTRIES, users).splitlines()]
    for entry in entries:
        if not entry.name.startswith("snapshot"):  # its key holds the paths of the others
            copy(entry, place.cache / entry.name)
    shared = entries[0].parent
    for name in SHARED:
        if (shared / name).exists():
            copy(shared / name, place.cache / name)
    (place.cache / "zig").symlink_to(shared / "zig")  # the compiler's, which locks what it writes
    _python(ENTRIES, place.environment("prepare"))


def copy(source: Path, target: Path) -> None:
    """Copy a file or a directory, sharing blocks where the file system can."""
    subprocess.run(["cp", "-a", "--reflink=auto", "--sparse=always", source, target], check=True)


def _python(program: str, environment: dict[str, str]) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PREPARED_WITHIN,
    )
    return finished.stdout
