"""Claims about the device node, and about what the driver keeps for the processes that open it."""

from __future__ import annotations

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.instruments.attempts import SUCCESS
from harness.experiments.node.descriptors import (
    NO_REPLY,
    ArrivingDescriptor,
    DescriptorExhaustion,
    DescriptorLinks,
    measure_descriptor_exhaustion,
    measure_descriptor_links,
)
from harness.experiments.node.device_nodes import (
    Ashmem,
    NodeNumbers,
    OfferedOperations,
    Operations,
    measure_ashmem,
    measure_node_numbers,
    measure_operations,
)
from harness.experiments.node.process_records import (
    ProcessRecord,
    RecordsByFile,
    measure_process_record,
    measure_records_by_file,
)

STATE = "state, of the driver's debug files"
BINDERFS = "/dev/binderfs/"
MISC_MAJOR = 10
LAST_ANDROID_WITH_ASHMEM = 28
"""API level of Android 9: from the next one on an app gets memfd or ashmem through libcutils."""


def _misc_is_expected(facts: Facts) -> Verdict:
    of_binderfs = any(path.startswith(BINDERFS) for path in facts.binder_devices)
    return Verdict.REFUTED if of_binderfs else Verdict.CONFIRMED


@claim(
    "node.misc",
    measure=measure_node_numbers,
    documents="B",
    statement="Binder is a character device of the driver `misc`, major 10, with a minor number of its own.",
    experiment="Read each binder device's numbers, and compare them with /proc/devices and /proc/misc.",
    source="drivers/android/binder.c, init_binder_device: misc_register with MISC_DYNAMIC_MINOR, Linux 6.12; "
    "drivers/android/binderfs.c, init_binderfs: alloc_chrdev_region, since Linux 5.0",
    expected=Expectation("confirmed, but refuted where binderfs makes the nodes", _misc_is_expected),
    what_is_true="binderfs (Linux 5.0; Android 11 and later) gives its nodes a major number of their own, "
    "which /proc/devices lists under `binder`.",
)
def node_misc(m: NodeNumbers, facts: Facts) -> Finding:
    """Numbers from the files and from the kernel's lists must agree."""
    holds = all(
        node.character and node.major in m.misc_majors and m.misc_minors.get(node.name) == node.minor
        for node in m.nodes
    )
    return Finding.whether(
        holds,
        "device numbers: {numbers}",
        numbers=Figure({node.path: f"{node.major}:{node.minor}" for node in m.nodes}, "statx of each device"),
        major_of_misc=Figure(m.misc_majors, "/proc/devices", expected=(MISC_MAJOR,)),
        major_of_binder=Figure(m.binder_majors, "/proc/devices"),
        minors=Figure(m.misc_minors, "/proc/misc"),
    )


def _ashmem_is_expected(facts: Facts) -> Verdict | None:
    if facts.api_level is None:
        return Verdict.REFUTED if facts.kernel_version >= (5, 18) else None
    return Verdict.CONFIRMED if facts.api_level <= LAST_ANDROID_WITH_ASHMEM else None


@claim(
    "node.ashmem",
    measure=measure_ashmem,
    documents="B",
    statement="ashmem, anonymous shared memory, is another misc device beside Binder.",
    experiment="Look for ashmem in /proc/misc and /dev.",
    source="drivers/staging/android/ashmem.c, removed in Linux 5.18; memfd_create(2), since Linux 3.17",
    expected=Expectation(
        "refuted from Linux 5.18 on, but Android's kernels may keep it; confirmed to Android 9",
        _ashmem_is_expected,
    ),
    what_is_true="Linux 5.18 removed ashmem; memfd_create does its work. Some later Android kernels keep it.",
)
def node_ashmem(m: Ashmem, facts: Facts) -> Finding:
    """The kernel's list decides; the files are evidence."""
    listed = m.misc_minor is not None
    return Finding.whether(
        listed and bool(m.nodes),
        f"ashmem is {'' if listed else 'not '}among the misc devices; memfd_create: {{memfd}}",
        minor=Figure(m.misc_minor, "/proc/misc"),
        files=Figure(m.nodes, "/dev"),
        memfd=Figure(m.memfd, "memfd_create", expected=SUCCESS),
    )


@claim(
    "node.fd-link",
    measure=measure_descriptor_links,
    documents="B",
    statement="A process that uses Binder shows a link to the binder device in /proc/PID/fd.",
    experiment="Read a process's links before it opens the device, while it has it open, and after closing.",
    source="fs/proc/fd.c, proc_fd_link, Linux 6.12",
)
def node_fd_link(m: DescriptorLinks, facts: Facts) -> Finding:
    """The link must come and go with the descriptor."""
    linked = [*m.before, *m.while_open, *m.after]
    return Finding.whether(
        linked == [m.descriptor] and m.while_open == (m.descriptor,),
        "while the device is open, descriptor {linked_while_open} links to {target}"
        if m.while_open
        else "no descriptor links to {target}",
        target=Figure(m.target, "the device's path"),
        descriptor=Figure(m.descriptor, "openat"),
        linked_before=Figure(m.before, "/proc/PID/fd"),
        linked_while_open=Figure(m.while_open, "/proc/PID/fd"),
        linked_after_closing=Figure(m.after, "/proc/PID/fd"),
    )


@claim(
    "node.fd-limit",
    measure=measure_descriptor_exhaustion,
    documents="B",
    statement="Descriptors are limited for each process (`ulimit -n`) and for the system (file-max); who has "
    'no more of them cannot open the binder device ("too many open files"), nor be sent a descriptor.',
    experiment="Lower a process's limit and open the device until that is refused. Send descriptors to a "
    "process whose table is full, with a call and with a reply. On a device of our own on "
    "which no Android runs, lower file-max too.",
    source="fs/file.c, alloc_fd (EMFILE); fs/file_table.c, alloc_empty_file (ENFILE); "
    "drivers/android/binder.c, binder_apply_fd_fixups, in the receiver since Linux 4.20; Linux 6.12",
)
def node_fd_limit(m: DescriptorExhaustion, facts: Facts) -> Finding:
    """Each refusal is checked by its opposite: with one descriptor less, the same succeeds."""
    opening, arriving = m.opening, m.arriving
    holds = (
        opening.refusal == "EMFILE"
        and opening.system_refusal in ("ENFILE", None)
        and opening.opened == opening.limit - opening.open_before
    )
    sentence = (
        "with a limit of {limit} and {open_before} open, the device could be opened {times_opened}; then "
        "{refusal}"
    )
    figures = {
        "limit": Figure(opening.limit, "/proc/PID/limits", unit="descriptors"),
        "open_before": Figure(opening.open_before, "/proc/PID/fd"),
        "times_opened": Figure(opening.opened, "openat", unit="times"),
        "refusal": Figure(opening.refusal, "openat", expected="EMFILE"),
        "after_closing_one": Figure(opening.after_closing_one, "openat", expected=SUCCESS),
        "file_max": Figure(opening.file_max, "/proc/sys/fs/file-max", varies=True),
    }
    if opening.system_refusal is not None:
        where = "openat by another user, with a file-max of 0"
        figures["system_refusal"] = Figure(opening.system_refusal, where, expected="ENFILE")
    if arriving is not None:
        holds = holds and _arrives_only_with_room(arriving)
        sentence += "; a descriptor sent to a full table: {full_callee}"
        if arriving.full_caller == NO_REPLY:
            # transaction.rs, Transaction::do_work returns Ok(true) where prepare_file_list fails; Linux 7.3.
            sentence += (
                "; a reply with one to a caller with a full table is lost, and the caller waits for ever"
            )
        figures |= _arrival_figures(arriving)
    return Finding.whether(holds, sentence, **figures)


def _arrives_only_with_room(arriving: ArrivingDescriptor) -> bool:
    return (
        arriving.callee_with_room == arriving.caller_with_room == arriving.sent
        and arriving.sent not in (arriving.full_callee, arriving.full_caller)
        and not arriving.full_callee_was_called
    )


def _arrival_figures(arriving: ArrivingDescriptor) -> dict[str, Figure]:
    failed, call, reply = "BR_FAILED_REPLY", "BC_TRANSACTION", "BC_REPLY"
    return {
        "full_callee": Figure(arriving.full_callee, call, expected=failed),
        "full_callee_called": Figure(arriving.full_callee_was_called, call, expected=False),
        "callee_with_room_for_one": Figure(arriving.callee_with_room, call),
        "full_caller": Figure(arriving.full_caller, reply, expected=failed),
        "caller_with_room_for_one": Figure(arriving.caller_with_room, reply),
    }


@claim(
    "node.ioctl-only",
    measure=measure_operations,
    documents="B",
    statement="The driver offers neither read nor write: only ioctl, mmap and poll.",
    experiment="Try the five operations on the binder device, and on /dev/zero, which offers others.",
    source="drivers/android/binder.c, binder_fops, Linux 6.12",
)
def node_ioctl_only(m: OfferedOperations, facts: Facts) -> Finding:
    """What is offered succeeds; what is not is refused whatever its arguments."""
    binder = m.binder
    offered = (binder.ioctl, binder.mmap, binder.poll) == (SUCCESS, SUCCESS, SUCCESS)
    return Finding.whether(
        offered and SUCCESS not in (binder.read, binder.write),
        "read: {read}, write: {write}; ioctl: {ioctl}, mmap: {mmap}, poll: {poll}",
        **_outcomes(binder),
        on_dev_zero=Figure(m.zero, "the same on /dev/zero"),
    )


def _outcomes(operations: Operations) -> dict[str, Figure]:
    return {
        "read": Figure(operations.read, "read"),
        "write": Figure(operations.write, "write"),
        "ioctl": Figure(operations.ioctl, "ioctl"),
        "mmap": Figure(operations.mmap, "mmap"),
        "poll": Figure(operations.poll, "epoll_ctl"),
    }


@claim(
    "node.proc-record",
    measure=measure_process_record,
    documents="B",
    statement="Opening the device makes a record of the process, on a list of all; closing it ends that.",
    experiment="Two processes open the device and one closes it; read the driver's list of all at each step.",
    source="drivers/android/binder.c, binder_open, binder_deferred_release (struct binder_proc), Linux 6.12",
    needs=(Need.BINDER_DEBUG,),
)
def node_proc_record(m: ProcessRecord, facts: Facts) -> Finding:
    """One process's record comes and goes, while the other's stays."""
    return Finding.whether(
        (m.before, m.opened, m.closed) == (0, 1, 0) and (m.others, m.others_after) == (1, 1),
        "records of the process before, while and after it had the device open: {before}, {while_open}, "
        "{after_closing}; of another that kept it open, {of_the_other} to the end",
        before=Figure(m.before, STATE),
        while_open=Figure(m.opened, STATE),
        after_closing=Figure(m.closed, STATE),
        of_the_other=Figure(m.others_after, STATE),
    )


@claim(
    "node.one-per-process",
    measure=measure_records_by_file,
    documents="B",
    statement="Each process has exactly one such record.",
    experiment="Let one process open the same device twice, and another one once, and count its records.",
    source="drivers/android/binder.c, binder_open allocates a struct binder_proc each time, Linux 6.12",
    needs=(Need.BINDER_DEBUG,),
    expected=Verdict.REFUTED,
    what_is_true="There is one record for each open file, with its own mapping, threads, nodes and handles: "
    "two for a process that opens one device twice, or two devices, as those using binder and hwbinder do. "
    "libbinder opens its device once for each process; the driver does not.",
)
def node_one_per_process(m: RecordsByFile, facts: Facts) -> Finding:
    """A second open file without a second record would confirm it."""
    return Finding.whether(
        set(m.records) == {1},
        "records after opening each of {devices}: {records}",
        devices=Figure(m.devices, "openat"),
        records=Figure(m.records, STATE),
        device_of_each_record=Figure(m.contexts, "proc/PID of the driver's debug files"),
    )
