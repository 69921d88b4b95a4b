"""Which physical frames are behind a received payload, and who else has them mapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.agent.pattern import digest, fill_pattern
from harness.binder import Parcel, RemotePayload, open_pair
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.deliveries import open_deliveries
from harness.experiments.instruments.frames import frames_behind
from harness.experiments.instruments.node_files import free_node
from harness.kernel.proc.frame_flags import read_frames
from harness.kernel.proc.kcore import Kcore
from harness.kernel.proc.maps import read_maps

if TYPE_CHECKING:
    from harness.binder.driver.received import ReceivedBuffer
    from harness.binder.serving.call import Call
    from harness.device.device import Device, DeviceProcess

PAYLOAD_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class SeenPayload:
    """One payload, by its digest, as three parties see it."""

    sent: bytes
    """As it was composed."""
    by_receiver: bytes
    """As the receiver reads it at the address the driver gave it."""
    by_kernel: bytes
    """As the kernel's own view of physical memory has it, in the frames behind that address."""
    frames: tuple[int, ...]
    """The numbers of those frames."""


@dataclass(frozen=True, slots=True)
class SameFrames:
    """Two payloads of different content that came one after the other."""

    payload: int
    """Bytes of each."""
    first: SeenPayload
    second: SeenPayload


@measurement("same-frames", "Whether kernel and receiver see a payload in one and the same frames.")
def measure_same_frames(device: Device) -> SameFrames:
    """Receive a payload, read it by address and by frame, free it; then one of other content."""
    kcore = Kcore(device.files)
    with open_deliveries(device) as deliveries:

        def see(seed: int) -> SeenPayload:
            with deliveries.send(PAYLOAD_SIZE, seed=seed) as received:
                receiver = deliveries.receiver
                behind = frames_behind(device, receiver, received.address, PAYLOAD_SIZE)
                return SeenPayload(
                    sent=digest(fill_pattern(PAYLOAD_SIZE, seed)),
                    by_receiver=receiver.memory.digest(received.address, PAYLOAD_SIZE),
                    by_kernel=digest(_content(kcore, received, behind, receiver.page_size)),
                    frames=tuple(behind.values()),
                )

        return SameFrames(PAYLOAD_SIZE, see(1), see(2))


def _content(kcore: Kcore, received: ReceivedBuffer, behind: dict[int, int], page_size: int) -> bytes:
    """What the frames hold from the buffer's start to its end; a page without a frame is left out."""
    pages = b"".join(kcore.read_physical(frame * page_size, page_size) for frame in behind.values())
    start = received.address % page_size
    return pages[start : start + received.data_size]


@dataclass(frozen=True, slots=True)
class SharedFrames:
    """The frames of a sender and of its receiver, each of which received from the other."""

    payload: int
    """Bytes of the call, and of its reply."""
    receiver: tuple[int, ...]
    """The frames of the receiver's binder mapping, by number."""
    mapped: tuple[int, ...]
    """How often each of these is mapped in the whole system."""
    sender: int
    """How many frames the sender has, those of the payload and of its binder mapping among them."""
    sender_payload: int
    sender_mapping: int
    common: tuple[int, ...]
    """The frames of the receiver's binder mapping that the sender has too."""


@measurement("shared-frames", "Which frames of a receiver's binder mapping its sender has too.")
def measure_shared_frames(device: Device) -> SharedFrames:
    """Make a call whose payload the receiver keeps, keep the reply as well, and compare all frames."""
    kept: list[ReceivedBuffer] = []

    def keep_and_answer(call: Call) -> Parcel:
        kept.append(call.keep())
        return Parcel().raw(fill_pattern(PAYLOAD_SIZE, seed=2))

    with (
        open_pair(device, free_node(device.facts), keep_and_answer) as pair,
        pair.client_process.memory.allocate(PAYLOAD_SIZE) as payload,
    ):
        payload.fill(seed=1)
        with pair.client.call(0, 1, RemotePayload(payload.address, PAYLOAD_SIZE)), kept[0]:
            sender, client, server = pair.client_process, pair.client, pair.server
            of_receiver = frames_behind(device, pair.server_process, server.mapping, server.size).values()
            of_sender = _all_frames(device, sender)
            return SharedFrames(
                payload=PAYLOAD_SIZE,
                receiver=tuple(of_receiver),
                mapped=tuple(frame.mappings for frame in read_frames(device.files, of_receiver)),
                sender=len(of_sender),
                sender_payload=len(frames_behind(device, sender, payload.address, payload.size)),
                sender_mapping=len(frames_behind(device, sender, client.mapping, client.size)),
                common=tuple(sorted(of_sender.intersection(of_receiver))),
            )


def _all_frames(device: Device, process: DeviceProcess) -> set[int]:
    """The frames of everything that the process has mapped."""
    found: set[int] = set()
    for mapping in read_maps(device.files, process.pid):
        if mapping.path != "[vsyscall]":  # a page of the kernel, beyond the end of pagemap
            found |= set(frames_behind(device, process, mapping.start, mapping.size).values())
    return found
