"""What the adb server lists: each device with its state, and with a name that no other one has.

The format is that of `host:devices-l` (AOSP, packages/modules/adb/transport.cpp, append_transport): a serial
padded to 22 characters, a blank, the state, and tags, each after a blank; `adb devices` prints a heading,
and without `-l` only a serial, a tab and the state. A serial may hold blanks and parentheses, as the mDNS
name of a wireless device does where another one has it, and several devices may have one serial, or none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

NO_SERIAL = "(no serial number)"
"""What adb lists in the place of an empty serial."""
BY_TRANSPORT = "transport:"
"""Before a transport's id, in a device's name; adb's own name for one by its USB path begins with `usb:`."""
CHOSEN_OTHERWISE = ("usb:", BY_TRANSPORT)

HEADING = "List of devices attached"
"""The first line of what `adb devices` prints (AOSP, packages/modules/adb, client/commandline.cpp)."""
STATES = (
    *("device", "offline", "unauthorized", "authorizing", "connecting", "detached", "host"),
    *("bootloader", "recovery", "rescue", "sideload", "unknown", "no permissions.*?"),
)
"""to_string(ConnectionState) in adb.cpp. The text of `no permissions` differs from release to release."""
_TAGS = r"(?P<tags>(?: [a-z_]+:\S*)*)"
_LINE = re.compile(rf"(?P<serial>\S.*?)(?: +|\t)(?P<state>{'|'.join(STATES)}){_TAGS}")
_LINE_IN_OTHER_STATE = re.compile(rf"(?P<serial>\S.*?)(?: +|\t)(?P<state>[^\s:]+){_TAGS}")


@dataclass(frozen=True)
class ListedDevice:
    """A device as the adb server lists it."""

    serial: str
    state: str
    tags: Mapping[str, str] = field(default_factory=dict)
    """usb, transport_id; product, model, device: what the device reports about itself."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""

    @property
    def selector(self) -> Mapping[str, str | int]:
        """How a request chooses it: by the number of its connection, which adb lists since 1.0.40."""
        number = self.tags.get("transport_id", "")
        return {"transport_id": int(number)} if number.isdecimal() else {"serial": self.serial}

    @property
    def places(self) -> tuple[str, ...]:
        """Where it is: `usb:1-4`, which `adb -s` takes too, and `transport:7`, which ends with its adbd."""
        named = (("usb:", "usb"), (BY_TRANSPORT, "transport_id"))
        return tuple(f"{prefix}{self.tags[tag]}" for prefix, tag in named if tag in self.tags)


def parse_listing(text: str, *, first_line: int = 1) -> tuple[ListedDevice, ...]:
    """The devices in the server's answer to `host:devices-l`, or in what `adb devices` printed."""
    lines = ((number, line.rstrip()) for number, line in enumerate(text.splitlines(), first_line))
    matches = (
        (number, _LINE.fullmatch(line) or _LINE_IN_OTHER_STATE.fullmatch(line))
        for number, line in lines
        if line != HEADING
    )
    return tuple(_device(match, number) for number, match in matches if match)


def _device(match: re.Match[str], line: int) -> ListedDevice:
    tags = (tag.partition(":") for tag in match["tags"].split())
    return ListedDevice(match["serial"], match["state"], {name: value for name, _, value in tags}, line)


class Listing(dict[str, ListedDevice]):
    """The devices by their names: a device's serial where no other has it, otherwise where it is.

    `devices` are all of them: those without a place that share a serial have one name.
    """

    def __init__(self, devices: tuple[ListedDevice, ...] = ()) -> None:
        self.devices = devices
        often = Counter(device.serial for device in devices)
        for device in devices:
            distinct = device.serial != NO_SERIAL and often[device.serial] == 1
            self[device.serial if distinct else (*device.places, device.serial)[0]] = device

    def name_of(self, chosen: str) -> str | None:
        """The name of the device that is chosen by its name, USB path or transport; None where none is."""
        if chosen in self:
            return chosen
        places = {place: name for name, device in self.items() for place in device.places}
        return places.get(chosen)

    def sharing(self, serial: str) -> list[str]:
        """The names of the devices that share a serial."""
        return [name for name, device in self.items() if device.serial == serial != name]
