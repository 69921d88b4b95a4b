"""Claims about the memory behind a binder mapping: when it comes and goes, from where, and who sees it."""

from __future__ import annotations

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import true_before
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.mapping.frames import (
    SameFrames,
    SeenPayload,
    SharedFrames,
    measure_same_frames,
    measure_shared_frames,
)
from harness.experiments.mapping.kernel_memory import (
    DriverMemory,
    KernelArea,
    measure_driver_memory,
    measure_kernel_area,
)
from harness.experiments.mapping.pages import (
    FreedBuffer,
    FreshMapping,
    GrowingMapping,
    PageCounts,
    measure_freed_buffer,
    measure_fresh_mapping,
    measure_growing_mapping,
)
from harness.kernel.proc.frame_flags import FrameFlag

PAGEMAP, SMAPS = "/proc/PID/pagemap", "Rss in /proc/PID/smaps"
STATS = "stats, of the driver's debug files"
FLAGS, SLABINFO, VMALLOCINFO = "/proc/kpageflags", "/proc/slabinfo", "/proc/vmallocinfo"
MULTI_PAGE = FrameFlag.COMPOUND_HEAD | FrameFlag.COMPOUND_TAIL


@claim(
    "mmap.first-page",
    measure=measure_fresh_mapping,
    documents="B",
    statement="mmap allocates one physical page of the buffer at once.",
    experiment="Map the device and count the mapping's pages before anything was received.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler, Linux 6.12 and 4.14",
    needs=(Need.PAGEMAP,),
    expected=true_before(4, 14),
    what_is_true="Since Linux 4.14, which keeps its records outside of the buffer, mmap allocates no page of "
    "it: the first comes with the first transaction.",
)
def mmap_first_page(m: FreshMapping, facts: Facts) -> Finding:
    """Exactly one page would confirm it."""
    return Finding.whether(
        m.pages.present == 1,
        "right after mmap, a mapping of {pages_mapped} has {pages_present} in memory",
        pages_mapped=Figure(m.size // m.page_size, "mmap", unit="pages"),
        pages_present=Figure(m.pages.present, PAGEMAP, unit="pages"),
        pages_resident=Figure(m.pages.resident, SMAPS, unit="pages"),
        pages_counted_by_driver=Figure(m.pages.counted, STATS, unit="pages"),
    )


@claim(
    "mmap.lazy-pages",
    measure=measure_growing_mapping,
    documents="AB",
    statement="Physical pages come only as transactions need them.",
    experiment="Receive payloads of several sizes and keep them; after each, compare the pages that the "
    "mapping has with those that the buffers lie in.",
    source="drivers/android/binder_alloc.c, binder_install_buffer_pages, Linux 6.12",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
)
def mmap_lazy_pages(m: GrowingMapping, facts: Facts) -> Finding:
    """A page too many or too few at any step would refute it."""
    needed = sum(arrival.needed for arrival in m.arrivals)
    exact = all(arrival.as_needed for arrival in m.arrivals)
    return Finding.whether(
        needed > 0 and exact,
        "payloads of {payload_sizes} brought {pages_appeared} of {page_size}: "
        f"{'exactly' if exact else 'not exactly'} those that the buffers lie in",
        page_size=Figure(m.page_size, "sysconf", unit="bytes"),
        payload_sizes=Figure([arrival.payload for arrival in m.arrivals], "BC_TRANSACTION", unit="bytes"),
        pages_needed=Figure([arrival.needed for arrival in m.arrivals], PAGEMAP, unit="pages"),
        pages_appeared=Figure([arrival.appeared for arrival in m.arrivals], PAGEMAP, unit="pages"),
        exactly_as_needed=Figure([arrival.as_needed for arrival in m.arrivals], PAGEMAP),
        pages_present=Figure(m.pages.present, PAGEMAP, expected=needed, unit="pages"),
        pages_resident=Figure(m.pages.resident, SMAPS, expected=needed, unit="pages"),
        pages_counted_by_driver=Figure(m.pages.counted, STATS, unit="pages"),
    )


@claim(
    "mmap.freed-at-once",
    measure=measure_freed_buffer,
    documents="B",
    statement="Freeing a buffer unmaps its pages and frees them at once.",
    experiment="Receive a payload of ten pages and free it; count the mapping's pages before and after, and "
    "on a device of our own once more after the kernel's shrinkers ran.",
    source="drivers/android/binder_alloc.c, binder_lru_freelist_add, binder_alloc_free_page, Linux 6.12; "
    "the list is there since Linux 4.14",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
    expected=true_before(4, 14),
    what_is_true="Since Linux 4.14 the pages go onto a list and stay mapped, to be used again by the next "
    "transaction; the kernel's shrinker takes them when memory is short.",
)
def mmap_freed_at_once(m: FreedBuffer, facts: Facts) -> Finding:
    """Pages that are still in the process's page table were not freed."""
    sentence = (
        "the mapping has {pages_present.with_payload} in memory while it holds the payload and "
        "{pages_present.after_freeing} after that was freed"
    )
    figures = _pages("with_payload", m.held, expected=m.payload // m.page_size)
    figures |= _pages("after_freeing", m.freed)
    if m.shrunk is not None:
        sentence += "; after the kernel's shrinkers ran it has {pages_present.after_shrinking}"
        figures |= _pages("after_shrinking", m.shrunk, expected=0)
    return Finding.whether(m.held.present > m.freed.present == 0, sentence, **figures)


def _pages(moment: str, counts: PageCounts, *, expected: int | None = None) -> dict[str, Figure]:
    return {
        f"pages_present.{moment}": Figure(counts.present, PAGEMAP, expected=expected, unit="pages"),
        f"pages_counted_by_driver.{moment}": Figure(counts.counted, STATS, unit="pages"),
    }


@claim(
    "mmap.slob",
    measure=measure_driver_memory,
    documents="A",
    statement="The driver's memory comes from the SLOB allocator, the buffers from its kcalloc and kzalloc.",
    experiment="Find out which allocator the kernel has, which of its caches are filled when a device is "
    "opened and mapped many times, and what the frames behind a payload belong to.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler (kvcalloc, kzalloc; kcalloc to Linux "
    "6.10), binder_install_single_page (alloc_page), Linux 6.12; mm/slob.c, removed in Linux 6.4",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
    expected=Verdict.REFUTED,
    what_is_true="Kernels that run Android use SLUB; SLOB, made for the smallest systems, left Linux in 6.4. "
    "From kvcalloc and kzalloc come the driver's records, such as the array of a mapping's pages; the "
    "buffers themselves are single pages of the page allocator.",
)
def mmap_slob(m: DriverMemory, facts: Facts) -> Finding:
    """What any slab allocator gives is marked so."""
    of_slab = [frame for frame in m.payload if FrameFlag.SLAB in frame.flags]
    single = [frame for frame in m.payload if not frame.flags & (MULTI_PAGE | FrameFlag.SLAB)]
    allocator = "the slab allocator is {allocator}" if m.allocator else "the kernel hides its slab allocator"
    return Finding.whether(
        m.allocator == "SLOB" and bool(of_slab),
        f"{allocator}; a payload lies in {{frames_behind_payload}}: the page allocator gave "
        "{frames_given_singly} singly, the slab allocator gave {frames_of_slab_allocator}",
        allocator_configured=Figure(m.configured, "/proc/config.gz"),
        slub_caches_shown=Figure(m.slub_caches, "/sys/kernel/slab"),
        slab_statistics_shown=Figure(m.statistics, SLABINFO),
        allocator=Figure(m.allocator, "/proc/kallsyms"),
        mappings_made=Figure(m.files, "mmap", unit="mappings"),
        objects_added=Figure(m.filled, SLABINFO, unit="objects", varies=True),
        frames_behind_payload=Figure(len(m.payload), PAGEMAP, unit="frames"),
        frames_given_singly=Figure(len(single), FLAGS, unit="frames"),
        frames_of_slab_allocator=Figure(len(of_slab), FLAGS, unit="frames"),
        flags_behind_payload=Figure([frame.flag_names for frame in m.payload], FLAGS),
    )


@claim(
    "mmap.kernel-vm-area",
    measure=measure_kernel_area,
    documents="BC",
    statement="The driver reserves a kernel virtual area of the mapping's size, with a guard page.",
    experiment="Compare the areas in /proc/vmallocinfo before and after mmap of libbinder's size.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler: get_vm_area with VM_ALLOC to Linux "
    "5.0, none in Linux 6.12",
    needs=(Need.ROOT,),
    expected=true_before(5, 1),
    what_is_true="Since Linux 5.1 the driver maps a page into the kernel only while it copies. libbinder's "
    "1 MiB less two pages dates from the time of the area and its guard page.",
)
def mmap_kernel_vm_area(m: KernelArea, facts: Facts) -> Finding:
    """An area of that size, with or without the guard page, would confirm it."""
    return Finding.whether(
        bool(m.of_mapping_size),
        "mmap of {mapped} added {areas_added.of_mapping_size} of that size to the kernel's address space, "
        "and {areas_added.of_driver} of any size that the driver reserved",
        **{
            "mapped": Figure(m.mapping, "mmap", unit="bytes"),
            "areas_added.of_mapping_size": Figure(len(m.of_mapping_size), VMALLOCINFO, unit="areas"),
            "areas_added.of_driver": Figure(len(m.of_driver), VMALLOCINFO, unit="areas"),
            "area_entries.of_mapping_size": Figure(m.of_mapping_size, VMALLOCINFO, varies=True),
            "area_entries.of_driver": Figure(m.of_driver, VMALLOCINFO, varies=True),
            "area_entries.of_whole_system": Figure(m.appeared, VMALLOCINFO, varies=True),
        },
    )


@claim(
    "mmap.same-frame",
    measure=measure_same_frames,
    documents="BC",
    statement="Kernel and receiver see a payload in one and the same physical frames.",
    experiment="Find the frames behind a received payload in the receiver's page table, read them through "
    "the kernel's own view of memory, and compare with what was sent; again with other content.",
    source="drivers/android/binder_alloc.c, binder_page_insert, binder_alloc_copy_user_to_buffer, Linux 6.12",
    needs=(Need.FREE_BINDER, Need.PAGEMAP, Need.KCORE),
)
def mmap_same_frame(m: SameFrames, facts: Facts) -> Finding:
    """Kernel, receiver and sender must agree on the content, twice."""
    agree = all(seen.sent == seen.by_receiver == seen.by_kernel for seen in (m.first, m.second))
    return Finding.whether(
        agree and m.first.sent != m.second.sent,
        f"the kernel {'finds' if agree else 'does not find'} the {{payload}} that were sent in the "
        "{frames_behind_payload} behind the receiver's buffer",
        payload=Figure(m.payload, "BC_TRANSACTION", unit="bytes"),
        frames_behind_payload=Figure(len(m.first.frames), PAGEMAP, unit="frames"),
        **_seen("first", m.first),
        **_seen("second", m.second),
    )


def _seen(which: str, seen: SeenPayload) -> dict[str, Figure]:
    return {
        f"digest_sent.{which}": Figure(seen.sent, "the sender"),
        f"digest_received.{which}": Figure(seen.by_receiver, "the receiver's mapping"),
        f"digest_in_frames.{which}": Figure(seen.by_kernel, "/proc/kcore, in these frames"),
        f"frame_numbers.{which}": Figure(seen.frames, PAGEMAP, varies=True),
    }


@claim(
    "mmap.sender-shares",
    measure=measure_shared_frames,
    documents="B",
    statement="The sender maps the receiver's frame too, and sends by writing into it.",
    experiment="Make a call whose payload the receiver keeps, keep its reply, and look for frames of the "
    "receiver's binder mapping among all frames of the sender.",
    source="drivers/android/binder_alloc.c, binder_page_insert, called for the receiver's mapping alone, "
    "Linux 6.12",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
    expected=Verdict.REFUTED,
    what_is_true="The frames of a mapping belong to the receiver alone. The sender passes the driver an "
    "address in its own memory, and the driver copies from there.",
)
def mmap_sender_shares(m: SharedFrames, facts: Facts) -> Finding:
    """One frame in common would confirm it."""
    return Finding.whether(
        bool(m.common),
        "the sender shares {frames.in_common} with the receiver's binder mapping, which has "
        "{frames.of_receiver_mapping}; the sender has {frames.of_sender_payload} for the payload and "
        "{frames.of_sender_mapping} in its own binder mapping, among {frames.of_sender} in all",
        **{
            "frames.of_receiver_mapping": Figure(len(m.receiver), PAGEMAP, unit="frames"),
            "frames.of_sender": Figure(m.sender, PAGEMAP, unit="frames", varies=True),
            "frames.of_sender_payload": Figure(m.sender_payload, PAGEMAP, unit="frames"),
            "frames.of_sender_mapping": Figure(m.sender_mapping, PAGEMAP, unit="frames"),
            "frames.in_common": Figure(len(m.common), PAGEMAP, unit="frames"),
            "frame_numbers.of_receiver_mapping": Figure(m.receiver, PAGEMAP, varies=True),
            "frame_numbers.in_common": Figure(m.common, PAGEMAP, varies=True),
            "times_mapped.of_receiver_mapping": Figure(m.mapped, "/proc/kpagecount", unit="times"),
        },
    )
