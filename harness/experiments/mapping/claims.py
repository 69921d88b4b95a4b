"""Claims about what a binder mapping is: its size, who may have it, and what may be done with it."""

from __future__ import annotations

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.instruments.attempts import SUCCESS
from harness.experiments.mapping.file_backing import FileBacking, measure_file_backing
from harness.experiments.mapping.mapping_owner import (
    ForkedMapping,
    InheritedFile,
    SecondMapping,
    measure_forked_mapping,
    measure_inherited_file,
    measure_second_mapping,
)
from harness.experiments.mapping.mapping_size import (
    MappingCap,
    OneWayShare,
    measure_mapping_cap,
    measure_oneway_share,
)
from harness.experiments.mapping.write_protection import (
    UserWrites,
    WritableMapping,
    measure_user_writes,
    measure_writable_mapping,
)
from harness.kernel.proc.frame_flags import Frame, FrameFlag

SZ_4M = 4 * 1024 * 1024
STATS = "stats, of the driver's debug files"
VM_FLAGS = "VmFlags in /proc/PID/smaps"
LOAD, FLAGS = "a load instruction", "/proc/kpageflags"
PAGE_CACHE = FrameFlag.UPTODATE | FrameFlag.LRU
"""What a frame that holds a part of a file is marked with, and a driver's own page is not."""


@claim(
    "mmap.cap-4m",
    measure=measure_mapping_cap,
    documents="AB",
    statement="A mapping serves transactions with at most 4 MiB, however large it is.",
    experiment="Map 8 MiB, and find the largest call that arrives.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler: min_t with SZ_4M, Linux 6.12; "
    "to Linux 5.3 binder_mmap in binder.c shrank the mapping itself",
    needs=(Need.FREE_BINDER,),
)
def mmap_cap_4m(m: MappingCap, facts: Facts) -> Finding:
    """A larger call that arrives would refute it."""
    return Finding.whether(
        m.largest_payload <= SZ_4M < m.asked_for,
        "a mapping of {asked_for} takes calls of up to {largest_call}; {mapped} are mapped",
        asked_for=Figure(m.asked_for, "mmap", unit="bytes"),
        largest_call=Figure(m.largest_payload, "BC_TRANSACTION", expected=SZ_4M, unit="bytes"),
        errno_beyond=Figure(m.errno_beyond, "BINDER_GET_EXTENDED_ERROR"),
        mapped=Figure(m.mapped, "/proc/PID/smaps", unit="bytes"),
        counted_by_driver=Figure(m.counted, STATS, unit="bytes"),
    )


@claim(
    "mmap.read-only",
    measure=measure_writable_mapping,
    documents="AB",
    statement="A writable mapping is refused with EPERM, and a readable one cannot be made writable later.",
    experiment="Map with PROT_WRITE, then without, then try to add it with mprotect; read the mapping's "
    "flags.",
    source="drivers/android/binder.c, binder_mmap: FORBIDDEN_MMAP_FLAGS, vm_flags_mod without VM_MAYWRITE, "
    "Linux 6.12",
)
def mmap_read_only(m: WritableMapping, facts: Facts) -> Finding:
    """The same mapping without PROT_WRITE must be granted."""
    outcomes = (m.mapped_writable, m.mapped_readable, m.made_writable)
    may_become_writable = "mw" in m.vm_flags
    return Finding.whether(
        outcomes == ("EPERM", SUCCESS, "EACCES") and not may_become_writable,
        "mmap with PROT_WRITE: {outcome.mmap_writable}, without it: {outcome.mmap_readable}, mprotect with "
        "it: {outcome.mprotect_writable}; the VmFlags are {vm_flags}, "
        f"{'with' if may_become_writable else 'without'} mw (may be made writable)",
        **{
            "outcome.mmap_writable": Figure(m.mapped_writable, "mmap"),
            "outcome.mmap_readable": Figure(m.mapped_readable, "mmap"),
            "outcome.mprotect_writable": Figure(m.made_writable, "mprotect"),
            "vm_flags": Figure(m.vm_flags, VM_FLAGS),
        },
    )


@claim(
    "mmap.not-forked",
    measure=measure_forked_mapping,
    documents="A",
    statement="The mapping is not copied into a forked child (VM_DONTCOPY), and is marked VM_MIXEDMAP.",
    experiment="Receive a payload, fork, and read it in the parent and in the child, beside other memory; "
    "read the flags of the parent's mapping and the mappings of the child.",
    source="drivers/android/binder.c, binder_mmap: VM_DONTCOPY | VM_MIXEDMAP, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def mmap_not_forked(m: ForkedMapping, facts: Facts) -> Finding:
    """The child must lack the mapping and nothing else."""
    absent = m.child_mapping is None
    return Finding.whether(
        (m.parent_reads, m.child_reads_other, m.child_reads) == (SUCCESS, SUCCESS, "EFAULT")
        and absent
        and {"dc", "mm"} <= set(m.vm_flags),
        "reading the payload: {reading_payload.in_parent} in the parent, {reading_payload.in_child} in the "
        f"child, where its address is {'not ' if absent else ''}mapped; the VmFlags, of which dc means not "
        "copied and mm mixed map: {vm_flags}",
        **{
            "reading_payload.in_parent": Figure(m.parent_reads, LOAD),
            "reading_payload.in_child": Figure(m.child_reads, LOAD),
            "reading_other_memory.in_child": Figure(m.child_reads_other, LOAD),
            "mapped_there.in_child": Figure(m.child_mapping, "/proc/PID/smaps"),
            "descriptor_target.in_child": Figure(m.child_descriptor, "/proc/PID/fd"),
            "vm_flags": Figure(m.vm_flags, VM_FLAGS),
        },
    )


@claim(
    "mmap.once",
    measure=measure_second_mapping,
    documents="AB",
    statement="A second mapping of the same open file fails with EBUSY.",
    experiment="Map one open file twice, and again after unmapping it; map another open file beside it.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler: already mapped, Linux 6.12",
)
def mmap_once(m: SecondMapping, facts: Facts) -> Finding:
    """The other open file shows that it is not the process that may have only one."""
    return Finding.whether(
        (m.first, m.second) == (SUCCESS, "EBUSY"),
        "first mmap: {outcome.first}, second: {outcome.second}, after munmap: {outcome.after_unmapping}; "
        "of another open file: {outcome.other_file}",
        **{
            "outcome.first": Figure(m.first, "mmap"),
            "outcome.second": Figure(m.second, "mmap"),
            "outcome.after_unmapping": Figure(m.after_unmapping, "mmap"),
            "outcome.other_file": Figure(m.other_file, "mmap"),
        },
    )


@claim(
    "mmap.opener-only",
    measure=measure_inherited_file,
    documents="A",
    statement="Only the process that opened the device may map it; others that have the file get EINVAL.",
    experiment="Open the device, fork, map the inherited file in the child, then in the opener.",
    source="drivers/android/binder.c, binder_mmap: proc->tsk != current->group_leader, Linux 6.12",
)
def mmap_opener_only(m: InheritedFile, facts: Facts) -> Finding:
    """The opener's success shows that the file could be mapped."""
    return Finding.whether(
        (m.by_child, m.by_opener) == ("EINVAL", SUCCESS),
        "mmap by a child that inherited the file: {outcome.by_child}, by the opener: {outcome.by_opener}",
        **{
            "outcome.by_child": Figure(m.by_child, "mmap"),
            "outcome.by_opener": Figure(m.by_opener, "mmap"),
        },
    )


@claim(
    "mmap.async-half",
    measure=measure_oneway_share,
    documents="AB",
    statement="One-way transactions may take up half of the buffer space.",
    experiment="Find the largest one-way payload that a receiver takes; while it keeps that, send it "
    "another one, and find the largest call beside it.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler: free_async_space, Linux 6.12; "
    "before Linux 6.8 and the stable releases of January 2024 a one-way buffer was charged 104 bytes more",
    needs=(Need.FREE_BINDER,),
)
def mmap_async_half(m: OneWayShare, facts: Facts) -> Finding:
    """To within a page, since older drivers charge for their own record as well."""
    half = m.mapping // 2
    tolerance = facts.page_size
    beside = (
        "a second one fits, and so do calls of up to {largest_call_beside}"
        if m.taken_beyond
        else "a second one does not fit, but calls of up to {largest_call_beside} do"
    )
    return Finding.whether(
        half - tolerance < m.largest <= half and m.room_beside >= half - tolerance and not m.taken_beyond,
        f"in a mapping of {{mapped}}, a one-way payload may take {{largest_oneway}}; beside it, {beside}",
        mapped=Figure(m.mapping, "mmap", unit="bytes"),
        free_for_oneway=Figure(m.free_space, STATS, unit="bytes"),
        largest_oneway=Figure(m.largest, "BC_TRANSACTION with TF_ONE_WAY", unit="bytes"),
        second_oneway_fits=Figure(m.taken_beyond, "BC_TRANSACTION with TF_ONE_WAY"),
        errno_beyond=Figure(m.errno_beyond, "BINDER_GET_EXTENDED_ERROR"),
        largest_call_beside=Figure(m.room_beside, "BC_TRANSACTION", unit="bytes"),
    )


def _of_page_cache(frames: tuple[Frame, ...]) -> bool:
    return all(frame.flags & PAGE_CACHE for frame in frames)


@claim(
    "mmap.no-file-io",
    measure=measure_file_backing,
    documents="AC",
    statement="The mapping holds no content of a file, and costs no file input or output.",
    experiment="Receive a payload and read it; see what the kernel holds in the frames behind it, and behind "
    "the receiver's program, which is mapped from a file; count page faults that waited for a file.",
    source="drivers/android/binder_alloc.c, binder_page_insert: alloc_page and vm_insert_page, Linux 6.12",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
)
def mmap_no_file_io(m: FileBacking, facts: Facts) -> Finding:
    """A frame of the page cache, one major fault or one block would refute it."""
    if not m.program or not _of_page_cache(m.program):
        return Finding.not_testable("This kernel does not mark what belongs to a file (/proc/kpageflags).")
    cost = m.cost
    file_activity = cost.major_faults or cost.blocks_read or cost.blocks_written
    in_cache = sum(1 for frame in m.payload if frame.flags & PAGE_CACHE)
    return Finding.whether(
        bool(m.payload) and not in_cache and not file_activity,
        "the payload lies in {frames_behind_payload}, with a file's content in {frames_in_page_cache}; "
        "receiving and reading it cost {major_faults} that waited for a file, {blocks_read} read and "
        "{blocks_written} written",
        mapped_file=Figure(m.path, "/proc/PID/maps"),
        frames_behind_payload=Figure(len(m.payload), "/proc/PID/pagemap", unit="frames"),
        frames_in_page_cache=Figure(in_cache, FLAGS, unit="frames"),
        flags_behind_payload=Figure([frame.flag_names for frame in m.payload], FLAGS),
        flags_behind_program=Figure([frame.flag_names for frame in m.program], FLAGS, varies=True),
        major_faults=Figure(cost.major_faults, "getrusage", unit="faults"),
        blocks_read=Figure(cost.blocks_read, "getrusage", unit="blocks"),
        blocks_written=Figure(cost.blocks_written, "getrusage", unit="blocks"),
    )


@claim(
    "mmap.user-writes",
    measure=measure_user_writes,
    documents="C",
    statement="What the user process writes into the mapping, the driver reads.",
    experiment="Receive a payload and try to write over it: by a store, as a system call's output, and as "
    "root through /proc/self/mem, which works on other read-only memory; then read the payload.",
    source="drivers/android/binder.c, binder_mmap clears VM_MAYWRITE, Linux 6.12",
    needs=(Need.FREE_BINDER,),
    expected=Verdict.REFUTED,
    what_is_true="The process cannot write there: the mapping stays read-only for good. What it sends, the "
    "driver copies from any other memory of its own.",
)
def mmap_user_writes(m: UserWrites, facts: Facts) -> Finding:
    """One way that works would confirm it.

    With CONFIG_PROC_MEM_FORCE_PTRACE, as in Debian's kernels from 7.0 on, it writes to read-only memory for a
    tracer alone (fs/proc/base.c, proc_mem_foll_force, Linux 6.12).
    """
    memory_file = "pwrite to /proc/self/mem"
    proves_nothing = "" if m.elsewhere == SUCCESS else ", as to other read-only memory, which proves nothing"
    return Finding.whether(
        SUCCESS in (m.by_store, m.by_output, m.by_memory_file) and not m.unchanged,
        "writing by a store: {outcome.by_store}, as a system call's output: {outcome.as_output}, through "
        f"/proc/self/mem: {{outcome.by_memory_file}}{proves_nothing}; the payload is "
        f"{'unchanged' if m.unchanged else 'changed'}",
        **{
            "outcome.by_store": Figure(m.by_store, "a store instruction"),
            "outcome.as_output": Figure(m.by_output, "getrandom"),
            "outcome.by_memory_file": Figure(m.by_memory_file, memory_file),
            "outcome.by_memory_file_elsewhere": Figure(m.elsewhere, memory_file),
            "payload_unchanged": Figure(m.unchanged, "reading it"),
        },
    )
