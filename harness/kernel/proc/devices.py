"""Device numbers: the drivers in /proc/devices and the miscellaneous devices in /proc/misc."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.kernel.files import Files
from harness.kernel.parsing import MalformedFileError, matched_lines, numbered_lines

DEVICES_PATH = "/proc/devices"
MISC_PATH = "/proc/misc"

_ENTRY = re.compile(r"\s*(?P<number>\d+) (?P<name>.*\S)\s*")


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver and its major number; several may share a number (4 is /dev/vc/0 and tty)."""

    major: int
    name: str


@dataclass(frozen=True, slots=True)
class Devices:
    """/proc/devices (kernel: fs/proc/devices.c)."""

    character: tuple[Driver, ...]
    block: tuple[Driver, ...]

    @property
    def binder_majors(self) -> frozenset[int]:
        """The major numbers of binderfs' devices, by the name that the driver in C or in Rust gives them."""
        return self.character_majors("binder") | self.character_majors("rust_binder")

    def character_majors(self, name: str) -> frozenset[int]:
        """The major numbers of the character driver `name`; empty if there is no such driver."""
        return frozenset(driver.major for driver in self.character if driver.name == name)


def parse_devices(text: str, *, path: str = DEVICES_PATH) -> Devices:
    """Parse /proc/devices; raises MalformedFileError."""
    sections: dict[str, list[Driver]] = {"Character devices:": [], "Block devices:": []}
    section: list[Driver] | None = None
    for number, line in numbered_lines(text):
        if line in sections:
            section = sections[line]
            continue
        match = _ENTRY.fullmatch(line)
        if match is None or section is None:
            raise MalformedFileError(path, number, line, "MAJOR NAME under a heading")
        section.append(Driver(int(match["number"]), match["name"]))
    character, block = sections.values()
    return Devices(tuple(character), tuple(block))


def parse_misc(text: str, *, path: str = MISC_PATH) -> dict[str, int]:
    """Parse /proc/misc: the minor number of each device under major 10; raises MalformedFileError."""
    return {
        match["name"]: int(match["number"])
        for match in matched_lines(_ENTRY, text, path=path, form="MINOR NAME")
    }


def read_devices(files: Files) -> Devices:
    """The drivers registered with the running kernel."""
    return parse_devices(files.read_text(DEVICES_PATH))


def read_misc(files: Files) -> dict[str, int]:
    """The minor number of each miscellaneous device of the running kernel."""
    return parse_misc(files.read_text(MISC_PATH))
