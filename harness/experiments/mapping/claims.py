"""Claims about what a binder mapping is: its size, who may have it, and what may be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.device.facts import FacilityMissingError, Need
from harness.experiments.core.claim import Evidence, Finding, Section, Verdict, claim
from harness.experiments.instruments.attempts import SUCCESS
from harness.experiments.mapping.file_backing import measure_file_backing
from harness.experiments.mapping.mapping_owner import (
    measure_forked_mapping,
    measure_inherited_file,
    measure_second_mapping,
)
from harness.experiments.mapping.mapping_size import measure_mapping_cap, measure_oneway_share
from harness.experiments.mapping.write_protection import measure_user_writes, measure_writable_mapping
from harness.kernel.proc.frame_flags import Frame, FrameFlag

if TYPE_CHECKING:
    from harness.device.device import Device

SZ_4M = 4 * 1024 * 1024
PAGE_CACHE = FrameFlag.UPTODATE | FrameFlag.LRU
"""What a frame that holds a part of a file is marked with, and a driver's own page is not."""


@claim(
    "mmap.cap-4m",
    documents="AB",
    section=Section.MAPPING,
    statement="A mapping serves transactions with at most 4 MiB, however large it is.",
    experiment="Map 8 MiB, and look for the largest call that arrives.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler: min_t with SZ_4M, Linux 6.12; "
    "to Linux 5.3 binder_mmap in binder.c shrank the mapping itself",
    needs=(Need.FREE_BINDER,),
)
def mmap_cap_4m(device: Device) -> Finding:
    """A larger call that arrives would refute it."""
    measured = measure_mapping_cap(device)
    return Finding.whether(
        measured.largest_payload <= SZ_4M < measured.asked_for,
        f"a mapping of {measured.asked_for:,} bytes takes calls of up to {measured.largest_payload:,} bytes; "
        f"{measured.mapped:,} bytes are mapped",
        Evidence("largest call", "BC_TRANSACTION", measured.largest_payload, known=SZ_4M),
        Evidence("errno of a larger one", "BINDER_GET_EXTENDED_ERROR", measured.errno_beyond),
        Evidence("bytes mapped", "/proc/PID/smaps", measured.mapped),
        Evidence("bytes the driver counts", "stats, of the driver's debug files", measured.counted),
    )


@claim(
    "mmap.read-only",
    documents="AB",
    section=Section.MAPPING,
    statement="A writable mapping is refused with EPERM, and a readable one cannot be made writable later.",
    experiment="Map with PROT_WRITE, then without, then ask mprotect for it; read the mapping's flags.",
    source="drivers/android/binder.c, binder_mmap: FORBIDDEN_MMAP_FLAGS, vm_flags_mod without VM_MAYWRITE, "
    "Linux 6.12",
)
def mmap_read_only(device: Device) -> Finding:
    """The same mapping without PROT_WRITE must be granted."""
    measured = measure_writable_mapping(device)
    outcomes = (measured.mapped_writable, measured.mapped_readable, measured.made_writable)
    return Finding.whether(
        outcomes == ("EPERM", SUCCESS, "EACCES") and "mw" not in measured.vm_flags,
        f"mmap with PROT_WRITE: {outcomes[0]}, without it: {outcomes[1]}, mprotect with it: {outcomes[2]}",
        Evidence("outcome with PROT_WRITE", "mmap", measured.mapped_writable),
        Evidence("outcome without", "mmap", measured.mapped_readable),
        Evidence("outcome with PROT_WRITE", "mprotect", measured.made_writable),
        Evidence("flags; mw: may be made writable", "VmFlags in /proc/PID/smaps", measured.vm_flags),
    )


@claim(
    "mmap.not-forked",
    documents="A",
    section=Section.MAPPING,
    statement="The mapping is not copied into a forked child (VM_DONTCOPY), and is marked VM_MIXEDMAP.",
    experiment="Receive a payload, fork, and read it in the parent and in the child, beside other memory; "
    "read the flags of the parent's mapping and the mappings of the child.",
    source="drivers/android/binder.c, binder_mmap: VM_DONTCOPY | VM_MIXEDMAP, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def mmap_not_forked(device: Device) -> Finding:
    """The child must lack the mapping and nothing else."""
    measured = measure_forked_mapping(device)
    reads = (measured.parent_reads, measured.child_reads_other, measured.child_reads)
    return Finding.whether(
        reads == (SUCCESS, SUCCESS, "EFAULT")
        and measured.child_mapping is None
        and {"dc", "mm"} <= set(measured.vm_flags),
        f"reading the payload: {measured.parent_reads} in the parent, {measured.child_reads} in the child, "
        f"with {measured.child_mapping or 'nothing'} mapped there; VmFlags {' '.join(measured.vm_flags)}",
        Evidence("reading the payload in the parent", "a load instruction", measured.parent_reads),
        Evidence("reading the payload in the child", "a load instruction", measured.child_reads),
        Evidence("reading other memory in the child", "a load instruction", measured.child_reads_other),
        Evidence("what the child has mapped there", "/proc/PID/smaps", measured.child_mapping),
        Evidence("the child's copy of the descriptor", "/proc/PID/fd", measured.child_descriptor),
        Evidence("flags; dc: not copied, mm: mixed map", "VmFlags in /proc/PID/smaps", measured.vm_flags),
    )


@claim(
    "mmap.once",
    documents="AB",
    section=Section.MAPPING,
    statement="A second mapping of the same open file fails with EBUSY.",
    experiment="Map one open file twice, and again after unmapping it; map another open file beside it.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler: already mapped, Linux 6.12",
)
def mmap_once(device: Device) -> Finding:
    """The other open file shows that it is not the process that may have only one."""
    measured = measure_second_mapping(device)
    return Finding.whether(
        (measured.first, measured.second) == (SUCCESS, "EBUSY"),
        f"first mmap: {measured.first}, second: {measured.second}, after munmap: {measured.after_unmapping}; "
        f"of another open file: {measured.other_file}",
        Evidence("first", "mmap", measured.first),
        Evidence("second", "mmap", measured.second),
        Evidence("after the first was unmapped", "mmap", measured.after_unmapping),
        Evidence("of another open file of the process", "mmap", measured.other_file),
    )


@claim(
    "mmap.opener-only",
    documents="A",
    section=Section.MAPPING,
    statement="Only the process that opened the device may map it; others that have the file get EINVAL.",
    experiment="Open the device, fork, map the inherited file in the child, then in the opener.",
    source="drivers/android/binder.c, binder_mmap: proc->tsk != current->group_leader, Linux 6.12",
)
def mmap_opener_only(device: Device) -> Finding:
    """The opener's success shows that the file could be mapped."""
    measured = measure_inherited_file(device)
    return Finding.whether(
        (measured.by_child, measured.by_opener) == ("EINVAL", SUCCESS),
        f"mmap by a child that inherited the file: {measured.by_child}, by the opener: {measured.by_opener}",
        Evidence("by the child", "mmap", measured.by_child),
        Evidence("by the opener", "mmap", measured.by_opener),
    )


@claim(
    "mmap.async-half",
    documents="AB",
    section=Section.MAPPING,
    statement="One-way transactions may take up half of the buffer space.",
    experiment="Look for the largest one-way payload that a receiver takes; while it keeps that, send it "
    "another one, and look for the largest call beside it.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler: free_async_space, Linux 6.12; "
    "before Linux 6.8 and the stable releases of January 2024 a one-way buffer was charged 104 bytes more",
    needs=(Need.FREE_BINDER,),
)
def mmap_async_half(device: Device) -> Finding:
    """To within a page, since older drivers charge for their own record as well."""
    measured = measure_oneway_share(device)
    half = measured.mapping // 2
    tolerance = device.facts.page_size
    return Finding.whether(
        half - tolerance < measured.largest <= half
        and measured.room_beside >= half - tolerance
        and not measured.taken_beyond,
        f"of {measured.mapping:,} bytes one one-way payload takes up to {measured.largest:,}; beside it "
        f"{'another' if measured.taken_beyond else 'no other'} one fits, and calls of up to "
        f"{measured.room_beside:,}",
        Evidence("bytes mapped", "mmap", measured.mapping),
        Evidence("bytes free for one-way", "stats, of the driver's debug files", measured.free_space),
        Evidence("largest one-way payload", "BC_TRANSACTION with TF_ONE_WAY", measured.largest),
        Evidence("errno of another beside it", "BINDER_GET_EXTENDED_ERROR", measured.errno_beyond),
        Evidence("largest call beside it", "BC_TRANSACTION", measured.room_beside),
    )


def _of_page_cache(frames: tuple[Frame, ...]) -> bool:
    return all(frame.flags & PAGE_CACHE for frame in frames)


@claim(
    "mmap.no-file-io",
    documents="AC",
    section=Section.MAPPING,
    statement="The mapping is none of a file's content, and costs no file input or output.",
    experiment="Receive a payload and read it; see what the kernel holds in the frames behind it, and behind "
    "the receiver's program, which is mapped from a file; count page faults that waited for a file.",
    source="drivers/android/binder_alloc.c, binder_page_insert: alloc_page and vm_insert_page, Linux 6.12",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
)
def mmap_no_file_io(device: Device) -> Finding:
    """A frame of the page cache, one major fault or one block would refute it."""
    measured = measure_file_backing(device)
    if not measured.program or not _of_page_cache(measured.program):
        raise FacilityMissingError("This kernel does not mark what belongs to a file (/proc/kpageflags).")
    cost = (measured.cost.major_faults, measured.cost.blocks_read, measured.cost.blocks_written)
    in_cache = sum(1 for frame in measured.payload if frame.flags & PAGE_CACHE)
    return Finding.whether(
        bool(measured.payload) and not in_cache and not any(cost),
        f"{in_cache} of the {len(measured.payload)} frames behind the payload belong to a file; receiving "
        f"and reading it cost {cost[0]} major faults, {cost[1]} blocks read and {cost[2]} written",
        Evidence("what is mapped", "/proc/PID/maps", measured.path),
        Evidence("flags behind the payload", "/proc/kpageflags", [f.flag_names for f in measured.payload]),
        Evidence("flags behind the program", "/proc/kpageflags", [f.flag_names for f in measured.program]),
        Evidence("major faults, blocks read, blocks written", "getrusage", cost),
    )


@claim(
    "mmap.user-writes",
    documents="C",
    section=Section.MAPPING,
    statement="What the user process writes into the mapping, the driver reads.",
    experiment="Receive a payload and try to write over it: by a store, as a system call's output, and as "
    "root through /proc/self/mem, which works on other read-only memory; then read the payload.",
    source="drivers/android/binder.c, binder_mmap clears VM_MAYWRITE, Linux 6.12",
    needs=(Need.FREE_BINDER,),
    known=Verdict.REFUTED,
    instead="The process cannot write there: the mapping is read-only for good. What it sends, the driver "
    "copies from any other memory of its own.",
)
def mmap_user_writes(device: Device) -> Finding:
    """One way that works would confirm it."""
    measured = measure_user_writes(device)
    ways = (measured.by_store, measured.by_output, measured.by_memory_file)
    return Finding.whether(
        SUCCESS in ways and not measured.unchanged,
        f"writing by a store: {ways[0]}, as a system call's output: {ways[1]}, through /proc/self/mem: "
        f"{ways[2]}; the payload is {'unchanged' if measured.unchanged else 'changed'}",
        Evidence("outcome", "a store instruction", measured.by_store),
        Evidence("outcome as output buffer", "getrandom", measured.by_output),
        Evidence("outcome", "pwrite to /proc/self/mem", measured.by_memory_file),
        Evidence(
            "outcome on other read-only memory", "pwrite to /proc/self/mem", measured.elsewhere, known=SUCCESS
        ),
        Evidence("the payload is unchanged", "reading it", measured.unchanged),
    )
