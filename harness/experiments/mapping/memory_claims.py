"""Claims about the memory behind a binder mapping: when it comes and goes, from where, and who sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.device.facts import Need
from harness.experiments.core.claim import Evidence, Finding, Section, Verdict, claim
from harness.experiments.core.releases import true_before
from harness.experiments.mapping.frames import measure_same_frames, measure_shared_frames
from harness.experiments.mapping.kernel_memory import measure_driver_memory, measure_kernel_area
from harness.experiments.mapping.pages import (
    measure_freed_buffer,
    measure_fresh_mapping,
    measure_growing_mapping,
)
from harness.kernel.proc.frame_flags import FrameFlag

if TYPE_CHECKING:
    from harness.device.device import Device

STATS = "stats, of the driver's debug files"
MULTI_PAGE = FrameFlag.COMPOUND_HEAD | FrameFlag.COMPOUND_TAIL


@claim(
    "mmap.first-page",
    documents="B",
    section=Section.MAPPING,
    statement="mmap allocates one physical page of the buffer at once.",
    experiment="Map the device and count the mapping's pages before anything was received.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler, Linux 6.12 and 4.14",
    needs=(Need.PAGEMAP,),
    known=true_before(4, 14),
    instead="Since Linux 4.14, which keeps its records outside of the buffer, mmap allocates no page of it: "
    "the first comes with the first transaction.",
)
def mmap_first_page(device: Device) -> Finding:
    """Exactly one page would confirm it."""
    measured = measure_fresh_mapping(device)
    pages = measured.pages
    return Finding.whether(
        pages.present == 1,
        f"{pages.present} of {measured.size // measured.page_size} pages are there right after mmap",
        Evidence("pages present", "/proc/PID/pagemap", pages.present),
        Evidence("pages resident", "Rss in /proc/PID/smaps", pages.resident),
        Evidence("pages active, on the list, free", STATS, pages.counted),
    )


@claim(
    "mmap.lazy-pages",
    documents="AB",
    section=Section.MAPPING,
    statement="Physical pages come only as transactions need them.",
    experiment="Receive payloads of several sizes and keep them; after each, compare the pages that the "
    "mapping has with those that the buffers lie in.",
    source="drivers/android/binder_alloc.c, binder_install_buffer_pages, Linux 6.12",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
)
def mmap_lazy_pages(device: Device) -> Finding:
    """A page too many or too few at any step would refute it."""
    measured = measure_growing_mapping(device)
    needed = sum(arrival.needed for arrival in measured.arrivals)
    exact = all(arrival.as_needed for arrival in measured.arrivals)
    payloads = ", ".join(f"{arrival.payload:,}" for arrival in measured.arrivals)
    pages = ", ".join(f"{arrival.appeared}" for arrival in measured.arrivals)
    return Finding.whether(
        needed > 0 and exact,
        f"with payloads of {payloads} bytes came {pages} pages of {measured.page_size:,}: "
        f"{'exactly' if exact else 'not'} those that the buffers lie in",
        Evidence("payloads, pages needed, pages that came", "/proc/PID/pagemap", measured.arrivals),
        Evidence("pages present at the end", "/proc/PID/pagemap", measured.pages.present, known=needed),
        Evidence(
            "pages resident at the end", "Rss in /proc/PID/smaps", measured.pages.resident, known=needed
        ),
        Evidence("pages active, on the list, free at the end", STATS, measured.pages.counted),
    )


@claim(
    "mmap.freed-at-once",
    documents="B",
    section=Section.MAPPING,
    statement="Freeing a buffer unmaps its pages and frees them at once.",
    experiment="Receive a payload of ten pages and free it; count the mapping's pages before and after, and "
    "on a device of our own once more after the kernel's shrinkers ran.",
    source="drivers/android/binder_alloc.c, binder_lru_freelist_add, binder_alloc_free_page, Linux 6.12; "
    "the list is there since Linux 4.14",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
    known=true_before(4, 14),
    instead="Since Linux 4.14 the pages go onto a list and stay mapped, to be used again by the next "
    "transaction; the kernel's shrinker takes them when memory is short.",
)
def mmap_freed_at_once(device: Device) -> Finding:
    """Pages that are still in the process's page table were not freed."""
    measured = measure_freed_buffer(device)
    payload = measured.payload // measured.page_size
    told = (
        f"pages present with the payload: {measured.held.present}, after freeing it: {measured.freed.present}"
    )
    evidence = [
        Evidence("pages present with the payload", "/proc/PID/pagemap", measured.held.present, known=payload),
        Evidence("pages present after freeing it", "/proc/PID/pagemap", measured.freed.present),
        Evidence("active, on the list, free with the payload", STATS, measured.held.counted),
        Evidence("active, on the list, free after freeing it", STATS, measured.freed.counted),
    ]
    if measured.shrunk is not None:
        told += f", after shrinking: {measured.shrunk.present}"
        evidence += [
            Evidence("pages present after shrinking", "/proc/PID/pagemap", measured.shrunk.present, known=0),
            Evidence("active, on the list, free after shrinking", STATS, measured.shrunk.counted),
        ]
    return Finding.whether(measured.held.present > measured.freed.present == 0, told, *evidence)


@claim(
    "mmap.slob",
    documents="A",
    section=Section.MAPPING,
    statement="The driver's memory comes from the SLOB allocator, the buffers from its kcalloc and kzalloc.",
    experiment="See which allocator shows itself, which of its caches are filled when a device is opened and "
    "mapped many times, and what the frames behind a payload belong to.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler (kvcalloc, kzalloc; kcalloc to Linux "
    "6.10), binder_install_single_page (alloc_page), Linux 6.12; mm/slob.c, removed in Linux 6.4",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
    known=Verdict.REFUTED,
    instead="Kernels that run Android use SLUB; SLOB, made for the smallest systems, left Linux in 6.4. From "
    "kvcalloc and kzalloc come the driver's records, such as the array of a mapping's pages; the buffers "
    "themselves are single pages of the page allocator.",
)
def mmap_slob(device: Device) -> Finding:
    """What any slab allocator gives is marked so."""
    measured = measure_driver_memory(device)
    of_slab = [frame for frame in measured.payload if FrameFlag.SLAB in frame.flags]
    single = [frame for frame in measured.payload if not frame.flags & (MULTI_PAGE | FrameFlag.SLAB)]
    return Finding.whether(
        measured.allocator == "SLOB" and bool(of_slab),
        f"the allocator is {measured.allocator or 'one that does not show itself'}; of "
        f"{len(measured.payload)} frames behind a payload {len(single)} are single pages, {len(of_slab)} the "
        f"allocator's",
        Evidence("allocator configured", "/proc/config.gz", measured.configured),
        Evidence("SLUB shows its caches", "/sys/kernel/slab", measured.slub_caches),
        Evidence("the allocator shows statistics", "/proc/slabinfo", measured.statistics),
        Evidence("the allocator, by these or by its functions", "/proc/kallsyms", measured.allocator),
        Evidence(f"objects more after {measured.files} mappings", "/proc/slabinfo", measured.filled),
        Evidence("flags behind the payload", "/proc/kpageflags", [f.flag_names for f in measured.payload]),
    )


@claim(
    "mmap.kernel-vm-area",
    documents="BC",
    section=Section.MAPPING,
    statement="The driver reserves a kernel virtual area of the mapping's size, with a guard page.",
    experiment="Compare the areas in /proc/vmallocinfo before and after mmap of libbinder's size.",
    source="drivers/android/binder_alloc.c, binder_alloc_mmap_handler: get_vm_area with VM_ALLOC to Linux "
    "5.0, none in Linux 6.12",
    needs=(Need.ROOT,),
    known=true_before(5, 1),
    instead="Since Linux 5.1 the driver maps a page into the kernel only while it copies. libbinder's 1 MiB "
    "less two pages dates from the time of the area and its guard page.",
)
def mmap_kernel_vm_area(device: Device) -> Finding:
    """An area of that size, with or without the guard page, would confirm it."""
    measured = measure_kernel_area(device)
    return Finding.whether(
        bool(measured.of_mapping_size),
        f"with mmap of {measured.mapping:,} bytes came {len(measured.of_mapping_size)} kernel areas of that "
        f"size, and {len(measured.of_driver)} of the driver's of any size",
        Evidence("areas of the mapping's size that came", "/proc/vmallocinfo", measured.of_mapping_size),
        Evidence("areas of the driver's that came", "/proc/vmallocinfo", measured.of_driver),
        Evidence("all areas that came", "/proc/vmallocinfo", measured.appeared),
    )


@claim(
    "mmap.same-frame",
    documents="BC",
    section=Section.MAPPING,
    statement="Kernel and receiver see a payload in one and the same physical frames.",
    experiment="Find the frames behind a received payload in the receiver's page table, read them through "
    "the kernel's own view of memory, and compare with what was sent; again with other content.",
    source="drivers/android/binder_alloc.c, binder_page_insert, binder_alloc_copy_user_to_buffer, Linux 6.12",
    needs=(Need.FREE_BINDER, Need.PAGEMAP, Need.KCORE),
)
def mmap_same_frame(device: Device) -> Finding:
    """Kernel, receiver and sender must agree on the content, twice."""
    measured = measure_same_frames(device)
    both = (measured.first, measured.second)
    frames = [f"{number:#x}" for number in measured.first.frames]
    agree = all(seen.sent == seen.by_receiver == seen.by_kernel for seen in both)
    return Finding.whether(
        agree and measured.first.sent != measured.second.sent,
        f"read by the kernel, the frames {', '.join(frames)} behind the receiver's buffer "
        f"{'hold' if agree else 'do not hold'} the {measured.payload:,} bytes that were sent",
        *(
            Evidence(f"{what} of the {place} payload", where, value)
            for place, seen in zip(("first", "second"), both, strict=True)
            for what, where, value in (
                ("digest", "the sender", seen.sent),
                ("digest", "the receiver's mapping", seen.by_receiver),
                ("digest", "/proc/kcore, in these frames", seen.by_kernel),
                ("frames", "/proc/PID/pagemap", seen.frames),
            )
        ),
    )


@claim(
    "mmap.sender-shares",
    documents="B",
    section=Section.MAPPING,
    statement="The sender maps the receiver's frame too, and sends by writing into it.",
    experiment="Make a call whose payload the receiver keeps, keep its reply, and look for frames of the "
    "receiver's binder mapping among all frames of the sender.",
    source="drivers/android/binder_alloc.c, binder_page_insert, called for the receiver's mapping alone, "
    "Linux 6.12",
    needs=(Need.FREE_BINDER, Need.PAGEMAP),
    known=Verdict.REFUTED,
    instead="The frames of a mapping belong to the receiver alone. The sender hands the driver an address in "
    "its own memory, and the driver copies from there.",
)
def mmap_sender_shares(device: Device) -> Finding:
    """One frame in common would confirm it."""
    measured = measure_shared_frames(device)
    return Finding.whether(
        bool(measured.common),
        f"{len(measured.common)} of the receiver's {len(measured.receiver)} frames are among the sender's "
        f"{measured.sender}, of which {measured.sender_payload} hold the payload and "
        f"{measured.sender_mapping} are of its own binder mapping",
        Evidence("frames of the receiver's mapping", "/proc/PID/pagemap", measured.receiver),
        Evidence("frames of the sender, in all", "/proc/PID/pagemap", measured.sender),
        Evidence("frames of the sender's payload", "/proc/PID/pagemap", measured.sender_payload),
        Evidence("frames of the sender's mapping", "/proc/PID/pagemap", measured.sender_mapping),
        Evidence("frames in common", "/proc/PID/pagemap", measured.common),
        Evidence("how often each of the receiver's is mapped", "/proc/kpagecount", measured.mapped),
    )
