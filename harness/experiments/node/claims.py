"""Claims about the device node, and about what the driver keeps for the processes that open it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import Evidence, Expectation, Finding, Section, Verdict, claim
from harness.experiments.instruments.attempts import SUCCESS
from harness.experiments.node.descriptors import (
    measure_arriving_descriptor,
    measure_descriptor_limit,
    measure_descriptor_links,
)
from harness.experiments.node.device_nodes import measure_ashmem, measure_node_numbers, measure_operations
from harness.experiments.node.process_records import measure_process_record, measure_records_by_file

if TYPE_CHECKING:
    from harness.device.device import Device

STATE = "state, of the driver's debug files"
BINDERFS = "/dev/binderfs/"
MISC_MAJOR = 10
LAST_ANDROID_WITH_ASHMEM = 28
"""API level of Android 9: from the next one on an app gets memfd or ashmem through libcutils."""


def _misc_is_known(facts: Facts) -> Verdict:
    of_binderfs = any(path.startswith(BINDERFS) for path in facts.binder_devices)
    return Verdict.REFUTED if of_binderfs else Verdict.CONFIRMED


@claim(
    "node.misc",
    documents="B",
    section=Section.DEVICE_NODE,
    statement="Binder is a character device of the driver `misc`, major 10, with a minor number of its own.",
    experiment="Look up each binder device's numbers, and compare them with /proc/devices and /proc/misc.",
    source="drivers/android/binder.c, init_binder_device: misc_register with MISC_DYNAMIC_MINOR, Linux 6.12; "
    "drivers/android/binderfs.c, init_binderfs: alloc_chrdev_region, since Linux 5.0",
    known=Expectation("confirmed, but refuted where binderfs makes the nodes", _misc_is_known),
    instead="binderfs (Linux 5.0; Android 11 and later) gives its nodes a major number of their own, which "
    "/proc/devices lists under `binder`.",
)
def node_misc(device: Device) -> Finding:
    """Numbers from the files and from the kernel's lists must agree."""
    measured = measure_node_numbers(device)
    numbers = {node.path: (node.major, node.minor) for node in measured.nodes}
    holds = all(
        node.character
        and node.major in measured.misc_majors
        and measured.misc_minors.get(node.name) == node.minor
        for node in measured.nodes
    )
    return Finding.whether(
        holds,
        "; ".join(f"{path} is {major}:{minor}" for path, (major, minor) in numbers.items()),
        Evidence("device numbers, major and minor", "statx of each device", numbers),
        Evidence("major number of misc", "/proc/devices", measured.misc_majors, known=(MISC_MAJOR,)),
        Evidence("major number of binder", "/proc/devices", measured.binder_majors),
        Evidence("minor numbers", "/proc/misc", measured.misc_minors),
    )


def _ashmem_is_known(facts: Facts) -> Verdict | None:
    if facts.api_level is None:
        return Verdict.REFUTED if facts.kernel_version >= (5, 18) else None
    return Verdict.CONFIRMED if facts.api_level <= LAST_ANDROID_WITH_ASHMEM else None


@claim(
    "node.ashmem",
    documents="B",
    section=Section.DEVICE_NODE,
    statement="ashmem, anonymous shared memory, is another misc device beside Binder.",
    experiment="Look for ashmem in /proc/misc and /dev.",
    source="drivers/staging/android/ashmem.c, removed in Linux 5.18; memfd_create(2), since Linux 3.17",
    known=Expectation(
        "refuted from Linux 5.18 on, but Android's kernels may keep it; confirmed to Android 9",
        _ashmem_is_known,
    ),
    instead="Linux 5.18 removed ashmem; memfd_create does its work. Some of Android's later kernels keep it.",
)
def node_ashmem(device: Device) -> Finding:
    """What counts is the kernel's list; the files are evidence."""
    measured = measure_ashmem(device)
    there = measured.misc_minor is not None
    return Finding.whether(
        there and bool(measured.nodes),
        f"ashmem is {'' if there else 'not '}among the misc devices; memfd_create: {measured.memfd}",
        Evidence("minor number of ashmem", "/proc/misc", measured.misc_minor),
        Evidence("files of ashmem", "/dev", measured.nodes),
        Evidence("outcome", "memfd_create", measured.memfd, known=SUCCESS),
    )


@claim(
    "node.fd-link",
    documents="B",
    section=Section.DEVICE_NODE,
    statement="A process that uses Binder shows a link to the binder device in /proc/PID/fd.",
    experiment="Read a process's links before it opens the device, while it has it open, and after closing.",
    source="fs/proc/fd.c, proc_fd_link, Linux 6.12",
)
def node_fd_link(device: Device) -> Finding:
    """The link must come and go with the descriptor."""
    measured = measure_descriptor_links(device)
    shown = [*measured.before, *measured.while_open, *measured.after]
    return Finding.whether(
        shown == [measured.descriptor] and measured.while_open == (measured.descriptor,),
        f"descriptor {measured.descriptor} leads to {measured.target} while the device is open"
        if measured.while_open
        else f"no descriptor leads to {measured.target}",
        Evidence("descriptor", "openat", measured.descriptor),
        Evidence("descriptors that lead there before", "/proc/PID/fd", measured.before),
        Evidence("descriptors that lead there meanwhile", "/proc/PID/fd", measured.while_open),
        Evidence("descriptors that lead there after closing", "/proc/PID/fd", measured.after),
    )


@claim(
    "node.fd-limit",
    documents="B",
    section=Section.DEVICE_NODE,
    statement="Descriptors are limited for each process (`ulimit -n`) and for the system (file-max); who has "
    'no more of them cannot open the binder device ("too many open files"), nor be sent a descriptor.',
    experiment="Lower a process's limit and open the device until that is refused. Send descriptors to a "
    "process whose table is full, with a call and with a reply. On a device of our own, lower file-max too.",
    source="fs/file.c, alloc_fd (EMFILE); fs/file_table.c, alloc_empty_file (ENFILE); "
    "drivers/android/binder.c, binder_apply_fd_fixups, in the receiver since Linux 4.20; Linux 6.12",
)
def node_fd_limit(device: Device) -> Finding:
    """Each refusal is told from others by its opposite: with one descriptor less, the same succeeds."""
    opening = measure_descriptor_limit(device)
    arriving = measure_arriving_descriptor(device) if device.facts.free_binder_device else None
    refused = opening.refusal == "EMFILE" and opening.system_refusal in ("ENFILE", None)
    holds = refused and opening.opened == opening.limit - opening.open_before
    told = f"with a limit of {opening.limit} and {opening.open_before} open, the device could be opened "
    told += f"{opening.opened} times; then {opening.refusal}"
    evidence = [
        Evidence("soft limit", "/proc/PID/limits", opening.limit),
        Evidence("descriptors before", "/proc/PID/fd", opening.open_before),
        Evidence("times the device could be opened", "openat", opening.opened),
        Evidence("refusal of the next", "openat", opening.refusal, known="EMFILE"),
        Evidence("outcome after closing one", "openat", opening.after_closing_one, known=SUCCESS),
        Evidence("files the system may have open", "/proc/sys/fs/file-max", opening.file_max),
    ]
    if opening.system_refusal is not None:
        where = "openat by another user, with a file-max of 0"
        evidence.append(Evidence("refusal", where, opening.system_refusal, known="ENFILE"))
    if arriving is not None:
        with_room = (arriving.callee_with_room, arriving.caller_with_room)
        holds = holds and with_room == (arriving.sent, arriving.sent)
        holds = holds and arriving.sent not in (arriving.full_callee, arriving.full_caller)
        holds = holds and not arriving.full_callee_was_called
        told += f"; a descriptor sent to a full table: {arriving.full_callee}"
        failed, call, reply = "BR_FAILED_REPLY", "BC_TRANSACTION", "BC_REPLY"
        evidence += [
            Evidence("answer where the callee's table is full", call, arriving.full_callee, known=failed),
            Evidence("the callee was called", call, arriving.full_callee_was_called, known=False),
            Evidence("what arrives when the callee has room for one", call, arriving.callee_with_room),
            Evidence("answer where the caller's table is full", reply, arriving.full_caller, known=failed),
            Evidence("what arrives when the caller has room for one", reply, arriving.caller_with_room),
        ]
    return Finding.whether(holds, told, *evidence)


@claim(
    "node.ioctl-only",
    documents="B",
    section=Section.DEVICE_NODE,
    statement="The driver offers neither read nor write: only ioctl, mmap and poll.",
    experiment="Try the five operations on the binder device, and on /dev/zero, which offers others.",
    source="drivers/android/binder.c, binder_fops, Linux 6.12",
)
def node_ioctl_only(device: Device) -> Finding:
    """What is offered succeeds; what is not is refused whatever its arguments."""
    measured = measure_operations(device)
    binder = measured.binder
    offered = (binder.ioctl, binder.mmap, binder.poll) == (SUCCESS, SUCCESS, SUCCESS)
    return Finding.whether(
        offered and SUCCESS not in (binder.read, binder.write),
        f"read: {binder.read}, write: {binder.write}; "
        f"ioctl: {binder.ioctl}, mmap: {binder.mmap}, poll: {binder.poll}",
        Evidence("outcomes on the binder device", "read, write, ioctl, mmap, epoll_ctl", binder),
        Evidence("outcomes on /dev/zero", "read, write, ioctl, mmap, epoll_ctl", measured.zero),
    )


@claim(
    "node.proc-record",
    documents="B",
    section=Section.DEVICE_NODE,
    statement="Opening the device makes a record of the process, on a list of all; closing it ends that.",
    experiment="Two processes open the device and one closes it; read the driver's list of all at each step.",
    source="drivers/android/binder.c, binder_open, binder_deferred_release (struct binder_proc), Linux 6.12",
    needs=(Need.BINDER_DEBUG,),
)
def node_proc_record(device: Device) -> Finding:
    """One process's record comes and goes, while the other's stays."""
    measured = measure_process_record(device)
    counts = (measured.before, measured.opened, measured.closed)
    return Finding.whether(
        counts == (0, 1, 0) and (measured.others, measured.others_after) == (1, 1),
        f"records of the process before, while and after it had the device open: {counts[0]}, {counts[1]}, "
        f"{counts[2]}; of another that kept it open, {measured.others_after} to the end",
        Evidence("records before", STATE, measured.before),
        Evidence("records while the device is open", STATE, measured.opened),
        Evidence("records after closing", STATE, measured.closed),
        Evidence("records of the other process, then", STATE, measured.others_after),
    )


@claim(
    "node.one-per-process",
    documents="B",
    section=Section.DEVICE_NODE,
    statement="Each process has exactly one such record.",
    experiment="Let one process open the same device twice, and another one once, and count its records.",
    source="drivers/android/binder.c, binder_open allocates a struct binder_proc each time, Linux 6.12",
    needs=(Need.BINDER_DEBUG,),
    known=Verdict.REFUTED,
    instead="There is one record for each open file, with its own mapping, threads, nodes and handles: two "
    "for a process that opens one device twice, or two devices, as those using binder and hwbinder do. "
    "libbinder opens its device once for each process; the driver does not.",
)
def node_one_per_process(device: Device) -> Finding:
    """A second open file without a second record would confirm it."""
    measured = measure_records_by_file(device)
    return Finding.whether(
        set(measured.records) == {1},
        f"after opening {', '.join(measured.devices)}: {', '.join(map(str, measured.records))} records",
        Evidence("devices opened", "openat", measured.devices),
        Evidence("records after each", STATE, measured.records),
        Evidence(
            "to which device each record belongs", "proc/PID of the driver's debug files", measured.contexts
        ),
    )
