"""Claims about how much of the driver Android's processes map, and so about what they can be sent at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.binder.driver.open_file import binder_vm_size
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import Evidence, Expectation, Finding, Section, Verdict, claim
from harness.experiments.instruments.generations import HOLDS_IN_C, some_hold
from harness.experiments.instruments.service_managers import IN_C
from harness.experiments.limits.process_mappings import measure_app_mapping, measure_service_manager_mapping

if TYPE_CHECKING:
    from harness.device.device import Device

SZ_1M_LESS_8K = 1024 * 1024 - 8 * 1024
SZ_128K = 128 * 1024


def _holds_on_pages_of_4k(facts: Facts) -> Verdict:
    return Verdict.CONFIRMED if facts.page_size == 4096 else Verdict.REFUTED


@claim(
    "limit.zygote-1m-8k",
    documents="C",
    section=Section.SIZE_LIMITS,
    statement="A process forked from zygote, as any on libbinder, maps 1 MiB less 8 KiB.",
    experiment="Read the mappings of zygote's children; without zygote, of a process that uses libbinder.",
    source="frameworks/native: libs/binder/ProcessState.cpp, BINDER_VM_SIZE, Android 8 to 16",
    known=Expectation("confirmed where pages have 4 KiB", _holds_on_pages_of_4k),
    instead="It is 1 MiB less two pages: with pages of 16 KiB, 1,015,808 bytes.",
)
def zygote_mapping(device: Device) -> Finding:
    """Every mapping that is found must be of that size."""
    measured = measure_app_mapping(device)
    return Finding.whether(
        measured.sizes == (SZ_1M_LESS_8K,),
        f"{measured.processes}: {', '.join(f'{size:,}' for size in measured.sizes)} bytes are mapped, "
        f"and a page has {measured.page_size:,}",
        Evidence(
            "bytes mapped", "/proc/PID/maps", measured.sizes, known=[binder_vm_size(measured.page_size)]
        ),
        Evidence("mappings seen", "/proc/PID/maps", measured.count),
        Evidence("bytes of a page", "AT_PAGESZ", measured.page_size),
    )


@claim(
    "limit.servicemanager-128k",
    documents="BC",
    section=Section.SIZE_LIMITS,
    statement="The Service Manager maps 128 KiB.",
    experiment="Read its mappings; of each generation there is.",
    source="frameworks/native: cmds/servicemanager/service_manager.c, main: binder_open(driver, 128*1024), "
    "Android 10; libs/binder/ProcessState.cpp, BINDER_VM_SIZE, Android 11",
    needs=(Need.ROOT,),
    known=HOLDS_IN_C,
    instead="From Android 11 on it is written on libbinder, and maps 1 MiB less two pages, as any process.",
)
def service_manager_mapping(device: Device) -> Finding:
    """One mapping of exactly that size, for each generation."""
    measured = measure_service_manager_mapping(device)
    on_libbinder = binder_vm_size(device.facts.page_size)
    return Finding(
        some_hold([found.sizes == (SZ_128K,) for found in measured]),
        "; ".join(
            f"{found.generation}: {', '.join(f'{size:,}' for size in found.sizes)} bytes"
            for found in measured
        ),
        tuple(
            Evidence(
                f"bytes mapped; {found.generation}",
                "/proc/PID/smaps",
                found.sizes,
                known=[SZ_128K if found.generation == IN_C else on_libbinder],
            )
            for found in measured
        ),
    )
