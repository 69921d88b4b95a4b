"""Claims about how much of the driver Android's processes map, and so about what they can be sent at once."""

from __future__ import annotations

from harness.binder.driver.open_file import binder_vm_size
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.instruments.generations import HOLDS_IN_C
from harness.experiments.instruments.service_managers import IN_C
from harness.experiments.limits.process_mappings import (
    AppMappings,
    ServiceManagerMapping,
    measure_app_mapping,
    measure_service_manager_mapping,
)

SZ_1M_LESS_8K = 1024 * 1024 - 8 * 1024
SZ_128K = 128 * 1024


def _holds_on_pages_of_4k(facts: Facts) -> Verdict:
    return Verdict.CONFIRMED if facts.page_size == 4096 else Verdict.REFUTED


@claim(
    "limit.zygote-1m-8k",
    measure=measure_app_mapping,
    documents="C",
    statement="A process forked from zygote, as any on libbinder, maps 1 MiB less 8 KiB.",
    experiment="Read the mappings of zygote's children; without zygote, of a process that uses libbinder.",
    source="frameworks/native: libs/binder/ProcessState.cpp, BINDER_VM_SIZE, Android 8 to 16",
    expected=Expectation("confirmed where pages have 4 KiB", _holds_on_pages_of_4k),
    what_is_true="It is 1 MiB less two pages: with pages of 16 KiB, 1,015,808 bytes.",
)
def zygote_mapping(m: AppMappings, facts: Facts) -> Finding:
    """Every mapping that is found must be of that size."""
    return Finding.whether(
        m.sizes == (SZ_1M_LESS_8K,),
        "{processes}: {bytes_mapped} are mapped, and a page has {page_size}",
        processes=Figure(m.processes, "pidof zygote64 zygote", varies=True),
        bytes_mapped=Figure(m.sizes, "/proc/PID/maps", expected=[binder_vm_size(m.page_size)], unit="bytes"),
        mappings_seen=Figure(m.count, "/proc/PID/maps", unit="mappings", varies=True),
        page_size=Figure(m.page_size, "AT_PAGESZ", unit="bytes"),
    )


SZ_1M = 1024 * 1024
SIZES_OF_1_MB = (1_000_000, SZ_1M)


@claim(
    "limit.buffer-1mb",
    measure=measure_app_mapping,
    documents="E",
    statement="The buffer for a process's transactions has a fixed size, currently 1 MB.",
    experiment="Read the mappings of zygote's children; without zygote, of a process that uses libbinder.",
    source="android.os.TransactionTooLargeException, Android 16; frameworks/native: "
    "libs/binder/ProcessState.cpp, BINDER_VM_SIZE, Android 8 to 16",
    expected=Verdict.REFUTED,
    taken_for_granted=True,
    what_is_true="libbinder maps 1 MiB less two pages, 1,040,384 bytes with pages of 4 KiB. The size is that "
    "of each process's own mmap, of which the driver uses up to 4 MiB: servicemanager of Android 10 had 128 "
    "KiB.",
)
def buffer_1mb(m: AppMappings, facts: Facts) -> Finding:
    """Either meaning of 1 MB would do."""
    return Finding.whether(
        len(m.sizes) == 1 and m.sizes[0] in SIZES_OF_1_MB,
        "{processes}: {bytes_mapped} are mapped, which is {bytes_less} less than 1 MiB",
        processes=Figure(m.processes, "pidof zygote64 zygote", varies=True),
        bytes_mapped=Figure(m.sizes, "/proc/PID/maps", expected=[binder_vm_size(m.page_size)], unit="bytes"),
        bytes_less=Figure([SZ_1M - size for size in m.sizes], "/proc/PID/maps", unit="bytes"),
    )


@claim(
    "limit.servicemanager-128k",
    measure=measure_service_manager_mapping,
    documents="BC",
    statement="The Service Manager maps 128 KiB.",
    experiment="Read its mappings, in each generation that the device has.",
    source="frameworks/native: cmds/servicemanager/service_manager.c, main: binder_open(driver, 128*1024), "
    "Android 10; libs/binder/ProcessState.cpp, BINDER_VM_SIZE, Android 11",
    needs=(Need.ROOT,),
    expected=HOLDS_IN_C,
    what_is_true="From Android 11 on it is written on libbinder, and maps 1 MiB less two pages, as any "
    "process.",
)
def service_manager_mapping(m: tuple[ServiceManagerMapping, ...], facts: Facts) -> Finding:
    """One mapping of exactly that size, for each generation."""
    figures: dict[str, Figure] = {}
    phrases: list[str] = []
    for found in m:
        in_c = found.generation == IN_C
        name = f"bytes_mapped.{'in_c' if in_c else 'on_libbinder'}"
        expected = SZ_128K if in_c else binder_vm_size(facts.page_size)
        figures[name] = Figure(found.sizes, "/proc/PID/smaps", expected=[expected], unit="bytes")
        words = "in C (to Android 10)" if in_c else "on libbinder (from Android 11 on)"
        phrases.append(f"{{{name}}} {words}")
    holds = [found.sizes == (SZ_128K,) for found in m]
    return Finding.in_cases(holds, f"the Service Manager maps {' and '.join(phrases)}", **figures)
