"""Claims about binderfs, as the kernel's documentation makes them, and about contexts."""

from __future__ import annotations

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.instruments.attempts import SUCCESS
from harness.experiments.node.binderfs import (
    MAXIMUM,
    AddedDevice,
    FreshInstance,
    Instances,
    LimitedInstance,
    LongestName,
    measure_added_device,
    measure_fresh_instance,
    measure_instances,
    measure_limited_instance,
    measure_longest_name,
)
from harness.experiments.node.contexts import Contexts, measure_contexts

DOCUMENT = "Documentation/admin-guide/binderfs.rst, Linux 6.12"
SOURCE = "drivers/android/binderfs.c"
LIST, ADD, SET = "getdents64", "BINDER_CTL_ADD", "BINDER_SET_CONTEXT_MGR"


@claim(
    "binderfs.empty",
    measure=measure_fresh_instance,
    documents="F",
    statement="A fresh instance of binderfs holds no binder device, only binder-control.",
    experiment="Mount an instance, and list the devices in it.",
    source=f"{DOCUMENT}; {SOURCE}, binderfs_fill_super: binder_devices_param, since Linux 5.4",
    needs=(Need.ROOT,),
    expected=Expectation(
        "confirmed before Linux 5.4; since then CONFIG_ANDROID_BINDER_DEVICES decides",
        lambda facts: Verdict.CONFIRMED if facts.kernel_version < (5, 4) else None,
    ),
    what_is_true="Since Linux 5.4 it holds those that CONFIG_ANDROID_BINDER_DEVICES names: binder, hwbinder "
    "and vndbinder on Android, whose init has relied on it since. Only where that is empty, none.",
)
def binderfs_empty(m: FreshInstance, facts: Facts) -> Finding:
    """The directories of features and logs are no devices, and do not count."""
    return Finding.whether(
        m.control and not m.devices,
        "beside binder-control, a fresh instance holds {devices}",
        devices=Figure(m.devices or "no device", LIST),
        control=Figure(m.control, LIST, expected=True),
    )


@claim(
    "binderfs.add",
    measure=measure_added_device,
    documents="F",
    statement="BINDER_CTL_ADD makes a device under the name that it was given, and returns its major and "
    "minor numbers, of which the major is allocated dynamically.",
    experiment="Make a device; compare the numbers with its file's and with /proc/devices.",
    source=f"{DOCUMENT}; {SOURCE}, binderfs_binder_device_create, init_binderfs: alloc_chrdev_region, Linux "
    "6.12",
    needs=(Need.ROOT,),
)
def binderfs_add(m: AddedDevice, facts: Facts) -> Finding:
    """All three places must have the same numbers."""
    return Finding.whether(
        m.listed and m.of_file == m.reported and m.majors_of_binder == m.reported[:1],
        "the ioctl returns {numbers.by_ioctl}, the file has {numbers.of_file}, and /proc/devices lists the "
        "major {majors_of_binder} as binder's",
        **{
            "numbers.by_ioctl": Figure(m.reported, ADD, varies=True),
            "numbers.of_file": Figure(m.of_file, "statx", varies=True),
        },
        majors_of_binder=Figure(m.majors_of_binder, "/proc/devices", varies=True),
        outcome_of_the_same_name=Figure(m.same_name, ADD, expected="EEXIST"),
    )


@claim(
    "binderfs.unlink",
    measure=measure_added_device,
    documents="F",
    statement="A device of binderfs is deleted by unlink; binder-control cannot be.",
    experiment="Make a device, and unlink it and binder-control.",
    source=f"{DOCUMENT}; {SOURCE}, binderfs_unlink: EPERM for the control device, Linux 6.12",
    needs=(Need.ROOT,),
)
def binderfs_unlink(m: AddedDevice, facts: Facts) -> Finding:
    """The one must be gone, and the other refused."""
    return Finding.whether(
        (m.listed, m.removal, m.listed_after_removal, m.removal_of_control)
        == (True, SUCCESS, False, "EPERM"),
        "unlink of a device: {removal.of_device}; of binder-control: {removal.of_control}",
        **{
            "removal.of_device": Figure(m.removal, "unlinkat"),
            "removal.of_control": Figure(m.removal_of_control, "unlinkat"),
        },
        listed_after_removal=Figure(m.listed_after_removal, LIST),
    )


@claim(
    "binderfs.name-length",
    measure=measure_longest_name,
    documents="F",
    statement="The name of a device has up to BINDERFS_MAX_NAME (255) characters, its terminating zero "
    "included.",
    experiment="Find the longest name that BINDER_CTL_ADD takes.",
    source=f"{DOCUMENT}; include/uapi/linux/android/binderfs.h: name[BINDERFS_MAX_NAME + 1], Linux 6.12",
    needs=(Need.ROOT,),
    expected=Verdict.REFUTED,
    what_is_true="The zero does not count: a name may have 255 characters, and one byte more is there for "
    "it.",
)
def binderfs_name_length(m: LongestName, facts: Facts) -> Finding:
    """The zero is one of them if no name may have all of them."""
    return Finding.whether(
        m.length == m.constant - 1,
        "the longest name that is taken has {longest}",
        longest=Figure(m.length, ADD, expected=m.constant, unit="characters"),
    )


@claim(
    "binderfs.max",
    measure=measure_limited_instance,
    documents="F",
    statement="Of an instance that is mounted with max=N, N devices can be allocated, and no more.",
    experiment=f"Mount an instance with max={MAXIMUM}, and make devices until that is refused.",
    source=f"{DOCUMENT}; {SOURCE}, binderfs_binder_device_create: device_count, Linux 6.12",
    needs=(Need.ROOT,),
)
def binderfs_max(m: LimitedInstance, facts: Facts) -> Finding:
    """Those that the kernel makes at the mount count, too."""
    return Finding.whether(
        m.at_mount + m.added == m.maximum and m.refusal == "ENOSPC",
        "with max={maximum}, {devices.at_mount} are there from the beginning, {devices.added} can be made, "
        "and the next brings {refusal}",
        maximum=Figure(m.maximum, "mount"),
        refusal=Figure(m.refusal, ADD),
        **{
            "devices.at_mount": Figure(m.at_mount, LIST, unit="devices"),
            "devices.added": Figure(m.added, ADD, unit="devices"),
        },
    )


@claim(
    "binderfs.instances",
    measure=measure_instances,
    documents="F",
    statement="Devices of one instance of binderfs are independent of those of another.",
    experiment="Mount two, make a device of one name in each, and become the context manager of both.",
    source=f"{DOCUMENT}; {SOURCE}, binderfs_init_fs_context: get_tree_nodev, Linux 6.12",
    needs=(Need.ROOT,),
)
def binderfs_instances(m: Instances, facts: Facts) -> Finding:
    """One device, under one name in both, would refuse the second context manager."""
    return Finding.whether(
        (m.managers, m.second_manager) == ((SUCCESS, SUCCESS), "EBUSY"),
        "context managers of two devices of one name: {outcome.of_first} and {outcome.of_second}; a second "
        "one of the first device: {outcome.of_another}",
        **{
            "outcome.of_first": Figure(m.managers[0], SET),
            "outcome.of_second": Figure(m.managers[1], SET),
            "outcome.of_another": Figure(m.second_manager, SET),
        },
    )


@claim(
    "node.own-manager",
    measure=measure_contexts,
    documents="DF",
    statement="Each binder device has a context manager of its own, whom only those reach who opened that "
    "device.",
    experiment="Become the context manager of a free device while servicemanager is that of /dev/binder; try "
    "to become that one's, too; ping handle 0 of both.",
    source="source.android.com, Use binder IPC (2025), Multiple binder domains; drivers/android/Kconfig, "
    "ANDROID_BINDER_DEVICES; binder.c, struct binder_context, Linux 6.12",
    needs=(Need.SERVICE_MANAGER, Need.FREE_BINDER),
)
def node_own_manager(m: Contexts, facts: Facts) -> Finding:
    """A manager for all devices would have refused ours, or got the call to ours."""
    return Finding.whether(
        (m.of_binder, m.received, m.ping_of_binder) == ("EBUSY", 1, True),
        "as the manager of another device, a process gets {calls_received} to handle 0 of that; at "
        "/dev/binder it is refused with {outcome}, and servicemanager answers there",
        calls_received=Figure(m.received, "BR_TRANSACTION", unit="calls"),
        outcome=Figure(m.of_binder, SET),
        servicemanager_answers=Figure(m.ping_of_binder, "PING_TRANSACTION"),
    )
