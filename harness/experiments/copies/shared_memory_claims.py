"""Claims about memory that processes share, which is what Binder is compared with."""

from __future__ import annotations

from harness.device.facts import Facts, Need
from harness.experiments.copies.copy_functions import USER_COPY_CHECK
from harness.experiments.copies.shared_memory import SharedMemory, measure_shared_memory
from harness.experiments.copies.synchronisation import Additions, measure_additions
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure, shown
from harness.experiments.core.finding import Finding

WATCHPOINTS = "watchpoints (perf_event_open) during all writes and reads"


@claim(
    "copy.shm-zero",
    measure=measure_shared_memory,
    documents="C",
    statement="Shared memory copies nothing, and two processes see each other's writes.",
    experiment="Share a memfd and a System V segment. Let each process write all of it and the other read "
    "it, while copies are counted as for Binder; compare the frames behind it.",
    source="mm/memfd.c, mm/shmem.c, ipc/shm.c; Linux 6.12",
)
def shared_memory_copies_nothing(m: SharedMemory, facts: Facts) -> Finding:
    """A byte that the kernel touches would refute it, and so would two frames where there should be one."""
    if not m.sharings:
        return Finding.not_testable(
            f"needs memory that can be shared: {shown(m.missing)}. It can be tested on the target `embedded`."
        )
    seen = all(sharing.second_saw_first and sharing.first_saw_second for sharing in m.sharings)
    same = all(sharing.first_frames == sharing.second_frames for sharing in m.sharings)
    hidden = all(sharing.first_frames is None for sharing in m.sharings)
    touched = [count for sharing in m.sharings for count in sharing.touched or ()]
    sentence = f"{{kinds}}: each process {'saw' if seen else 'did not always see'} what the other wrote"
    if not hidden:
        sentence += f"; the frames behind the memory were {'' if same else 'not '}the same in both"
    kernel = ["touched the watched bytes {watched_bytes_touched}"] if touched else []
    kernel += ["copied {bytes_copied}"] if m.copied is not None else []
    if kernel:
        sentence += f"; meanwhile the kernel {' and '.join(kernel)}"
    return Finding.whether(
        seen and same and not any(touched) and not m.copied,
        sentence,
        kinds=Figure([sharing.kind for sharing in m.sharings], "memfd_create, shmget"),
        each_saw_what_the_other_wrote=Figure(seen, "its memory"),
        same_frames=Figure(None if hidden else same, "/proc/PID/pagemap"),
        frames_in_each_process=Figure(
            {sharing.kind: (sharing.first_frames, sharing.second_frames) for sharing in m.sharings},
            "/proc/PID/pagemap",
            varies=True,
        ),
        first_middle_last_byte_touched_in_each_process=Figure(
            {sharing.kind: sharing.touched for sharing in m.sharings}, WATCHPOINTS, unit="times"
        ),
        watched_bytes_touched=Figure(sum(touched) if touched else None, WATCHPOINTS, unit="times"),
        bytes_copied=Figure(
            m.copied,
            f"kprobes on copying functions and {USER_COPY_CHECK.function}, during all writes and reads",
            unit="bytes",
        ),
        missing_kinds=Figure(m.missing, "errors on opening it"),
    )


@claim(
    "copy.shm-unsynchronised",
    measure=measure_additions,
    documents="A",
    statement="Shared memory brings no synchronisation of its own. A Binder call does: its caller waits, and "
    "gets one reply for each call.",
    experiment="Let two processes add one to a shared number, both reading it before either writes. Let two "
    "threads call a server of one thread to do the same, which goes on when it has been called twice.",
    source="drivers/android/binder.c, binder_thread_read, binder_wait_for_work; Linux 6.12",
    needs=(Need.FREE_BINDER, Need.ROOT),
)
def shared_memory_is_unsynchronised(m: Additions, facts: Facts) -> Finding:
    """In the shared memory one addition has to be lost; of the calls both have to wait, and to count."""
    shared, called = m.shared, m.called
    return Finding.whether(
        shared.result == 1 and called.waiting == 2 and called.replies == (1, 2) and called.result == 2,
        "two additions turned a shared 0 into {shared_number}, and a server's 0 into {servers_number}; "
        "{callers_waiting} waited for the server, and the replies were {replies}",
        shared_number=Figure(shared.result, "the shared memory"),
        servers_number=Figure(called.result, "the server's memory"),
        callers_waiting=Figure(called.waiting, "/proc/TID/syscall", unit="callers"),
        replies=Figure(called.replies, "BR_REPLY"),
        found_by_each_before_adding=Figure(shared.read, "the shared memory"),
    )
