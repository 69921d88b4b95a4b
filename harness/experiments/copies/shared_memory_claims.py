"""Claims about memory that processes share, which is what Binder is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.device.facts import FacilityMissingError, Need
from harness.experiments.copies.copy_functions import USER_COPY_CHECK
from harness.experiments.copies.shared_memory import measure_shared_memory
from harness.experiments.copies.synchronisation import measure_called_additions, measure_shared_additions
from harness.experiments.core.claim import Evidence, Finding, Section, claim

if TYPE_CHECKING:
    from harness.device.device import Device


@claim(
    "copy.shm-zero",
    documents="C",
    section=Section.ONE_COPY,
    statement="Shared memory copies nothing, and two processes see each other's writes.",
    experiment="Share a memfd and a System V segment. Let each process write all of it and the other read "
    "it, while the copies of Binder's claim are counted; compare the frames behind it.",
    source="mm/memfd.c, mm/shmem.c, ipc/shm.c; Linux 6.12",
)
def shared_memory_copies_nothing(device: Device) -> Finding:
    """A byte that the kernel touches would refute it, and so would two frames where there should be one."""
    measured = measure_shared_memory(device)
    sharings = measured.sharings
    if not sharings:
        raise FacilityMissingError(f"needs shared memory: {measured.missing}.")
    seen = all(sharing.second_saw_first and sharing.first_saw_second for sharing in sharings)
    same = all(sharing.first_frames == sharing.second_frames for sharing in sharings)
    touched = [count for sharing in sharings for count in sharing.touched or ()]
    return Finding.whether(
        seen and same and not any(touched) and not measured.copied,
        f"{' and '.join(sharing.kind for sharing in sharings)}: each process "
        f"{'saw' if seen else 'did not always see'} what the other wrote; meanwhile the kernel touched the "
        f"bytes watched {_counted(sum(touched) if touched else None)} times, and copied "
        f"{_counted(measured.copied)} bytes",
        Evidence("each process saw what the other wrote", "its memory", seen),
        Evidence(
            "frames behind the memory in the one process and in the other",
            "/proc/PID/pagemap",
            {sharing.kind: (sharing.first_frames, sharing.second_frames) for sharing in sharings},
        ),
        Evidence(
            "times the kernel touched the first, middle and last byte at either's addresses",
            "watchpoints (perf_event_open) during all writes and reads",
            {sharing.kind: sharing.touched for sharing in sharings},
        ),
        Evidence(
            "bytes that the kernel copied for either",
            f"kprobes on copying functions and {USER_COPY_CHECK.function}, during all writes and reads",
            measured.copied,
        ),
        Evidence("what this device does not have", "errors on opening it", measured.missing),
    )


@claim(
    "copy.shm-unsynchronised",
    documents="A",
    section=Section.ONE_COPY,
    statement="Shared memory brings no synchronisation of its own. A Binder call does: its caller waits, and "
    "gets one reply for each call.",
    experiment="Let two processes add one to a shared number, both reading it before either writes. Let two "
    "threads call a server of one thread to do the same, which goes on when it has been called twice.",
    source="drivers/android/binder.c, binder_thread_read, binder_wait_for_work; Linux 6.12",
    needs=(Need.FREE_BINDER, Need.ROOT),
)
def shared_memory_is_unsynchronised(device: Device) -> Finding:
    """In the shared memory one addition has to be lost; of the calls both have to wait, and to count."""
    shared = measure_shared_additions(device)
    called = measure_called_additions(device)
    return Finding.whether(
        shared.result == 1 and called.waiting == 2 and called.replies == (1, 2) and called.result == 2,
        f"two additions made {shared.result} of a shared zero, and {called.result} of a server's; meanwhile "
        f"{called.waiting} callers waited, and got the replies {', '.join(map(str, called.replies))}",
        Evidence("what either process found before it added", "the shared memory", shared.read),
        Evidence("the shared number after both", "the shared memory", shared.result),
        Evidence("callers asleep in their ioctl before any reply", "/proc/TID/syscall", called.waiting),
        Evidence("replies", "BR_REPLY", called.replies),
        Evidence("the server's number after both", "the server's memory", called.result),
    )


def _counted(figure: int | None) -> str:
    return "an unknown number of" if figure is None else f"{figure:,}"
