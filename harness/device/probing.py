"""Finds a device's facts by trying each once: nothing is concluded from a version."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, TimeLimitError, in_words
from emulator.build.generation import PROPERTY
from emulator.build.java.runtime import PROPERTY as JAVA_PROPERTY
from harness.agent.process import RemoteProcess
from harness.binder.endpoint import Binder
from harness.binder.errors import DeadObjectError
from harness.binder.reports.listener import reports_transactions
from harness.binder.services.service import ACTIVITY_MANAGER, BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.device.command import ShellResult
from harness.device.driver_interface import driver_features, driver_interface, takes_freeze_requests
from harness.device.facts import Facts, Need
from harness.device.free_device import HasBinderDevices, free_device
from harness.kernel.binder_debug.debug_files import BinderDebugFiles
from harness.kernel.proc.kcore import Kcore
from harness.kernel.proc.memory import read_meminfo
from harness.kernel.proc.pagemap import frames
from harness.kernel.tracing.kprobes import Argument, Kprobe
from harness.kernel.tracing.tracer import Tracer

CONTAINERS_LEFT_ALONE = (
    "a machine runs no Android but in containers, which are left alone; attach to one with `adb connect`"
)
REPLY_SECONDS = 3.0
"""How long a working service manager may take to reply."""
TRACED = {"binder_alloc_new_buf": "data_size", "binder_mmap": "vma", "binder_ioctl": "cmd"}
"""Functions of the C driver with these names in every kernel of this decade, and a parameter of each.

With link-time optimisation, as in Android's kernels, the first may be inlined; the others are file
operations, to which there are pointers (drivers/android/binder.c, binder_fops).
"""
UTSNAME_FIELD = 65
"""Bytes of each of the six strings in struct new_utsname (include/uapi/linux/utsname.h)."""
ELSEWHERE = "vfs_read", "count"
"""A function of every kernel, and a parameter (fs/read_write.c)."""
ValueT = TypeVar("ValueT")


class ProbedDevice(HasBinderDevices, Protocol):
    """What probing uses of a device."""

    @property
    def binder(self) -> BinderDebugFiles:
        """The driver's debug files."""
        ...

    @property
    def tracing(self) -> Tracer:
        """The kernel's tracing."""
        ...

    def process(self) -> RemoteProcess:
        """Start a process."""
        ...

    def run(self, command: str) -> ShellResult:
        """Run a command in its shell."""
        ...


class Attempts:
    """Attempts that may fail, and the reasons of those that did."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self.timed_out = False
        """Whether one failed because something did not reply in time, which it may do the next time."""

    def result(self, need: Need, attempt: Callable[[], ValueT]) -> ValueT | None:
        """The result of an attempt; None where it fails, with the reason under `need`."""
        try:
            return attempt()
        except HarnessError as error:
            self.reasons[need] = str(error)
            self.timed_out |= isinstance(error, TimeLimitError)
        except OSError as error:
            self.reasons[need] = in_words(error)
        return None


def find_facts(device: ProbedDevice, attempts: Attempts | None = None) -> Facts:
    """Try everything that experiments depend on, and leave the device as it was."""
    attempts = attempts or Attempts()
    with ThreadPoolExecutor(1) as beside:
        properties = beside.submit(_properties, device)  # over adb, which is slow, while the agent works
        return _find_facts(device, properties.result, attempts)


def _find_facts(
    device: ProbedDevice, all_properties: Callable[[], dict[str, str]], attempts: Attempts
) -> Facts:
    files = device.files
    nodes = tuple(filter(files.exists, device.surroundings.binder_devices))
    with device.process() as process:
        root = process.uid == 0
        free = attempts.result(Need.FREE_BINDER, lambda: free_device(device, process, nodes))
        kernel_release = _kernel_release(process)
        service_manager, framework = _services(device, process, attempts)
        tried = free or next(reversed(nodes), None)
        protocol, ioctls, refused_ioctls = driver_interface(
            process, tried, may_manage=bool(free or service_manager)
        )
        freeze = attempts.result(Need.FREEZE_NOTIFICATIONS, lambda: takes_freeze_requests(process, tried))
        reports = attempts.result(Need.TRANSACTION_REPORTS, lambda: reports_transactions(process))
        pagemap = attempts.result(Need.PAGEMAP, lambda: _frame_of_own_page(device, process))
        kcore = attempts.result(Need.KCORE, lambda: Kcore(files).segments)
    debug = attempts.result(Need.BINDER_DEBUG, lambda: device.binder.location)
    # The driver in Rust keeps no logs of transactions (rust_binder_main.rs, Linux 6.18).
    driver = debug and ("C" if files.exists(f"{debug}/transaction_log") else "Rust")
    hashed = debug is not None and files.exists(f"{debug}/state_hashed")
    if not hashed:
        attempts.reasons[Need.HASHED_DEBUG_FILES] = attempts.reasons.get(
            Need.BINDER_DEBUG, "the directory of the driver's debug files has no `state_hashed`"
        )
    tracefs = attempts.result(Need.TRACING, device.tracing.tried)
    probes = NO_PROBES if tracefs is None else probes_taken(device.tracing.can_probe)
    attempts.reasons |= probes.refusals(driver, attempts.reasons.get(Need.TRACING))
    properties = all_properties()
    level = properties.get("ro.build.version.sdk", "")
    build_type = properties.get("ro.build.type")
    generation = properties.get(PROPERTY, "")
    java = properties.get(JAVA_PROPERTY, "")
    if not root:
        attempts.reasons[Need.ROOT] = device.surroundings.how_to_root(process.uid, build_type)
    attempts.reasons |= why_no_java(attempts.reasons, embedded=bool(generation))
    return Facts(
        architecture=str(process.architecture),
        page_size=process.page_size,
        kernel_release=kernel_release,
        processors=len(re.findall(r"^processor\s*:", files.read_text("/proc/cpuinfo"), flags=re.MULTILINE)),
        memory_bytes=read_meminfo(files)["MemTotal"],
        android_release=properties.get("ro.build.version.release"),
        api_level=int(level) if level.isdecimal() else None,
        build_type=build_type,
        userland=int(generation) if generation.isdecimal() else None,
        java=int(java) if java.isdecimal() else None,
        root=root,
        binder_devices=nodes,
        free_binder_device=free,
        binder_protocol=protocol,
        binder_debug=debug,
        tracefs=tracefs,
        kprobes=probes.anywhere,
        driver_probes=probes.on_driver,
        probe_arguments=probes.by_name,
        pagemap=bool(pagemap),
        kcore=bool(kcore),
        driver=driver,
        driver_ioctls=ioctls,
        refused_ioctls=refused_ioctls,
        driver_features=driver_features(files, free),
        freeze_notifications=bool(freeze),
        transaction_reports=bool(reports),
        hashed_debug_files=hashed,
        service_manager=service_manager,
        framework=framework,
        reasons=attempts.reasons,
    )


@dataclass(frozen=True, slots=True)
class ProbesTaken:
    """Which probes a kernel accepts."""

    anywhere: bool
    on_driver: bool
    """On functions of the driver."""
    by_name: bool
    """With an argument by name."""

    def refusals(self, driver: str | None, untraced: str | None) -> dict[str, str]:
        """Why probes are refused, by the value of the Need; `untraced` is why there is no tracing."""
        found = {}
        if not self.anywhere:
            found[Need.KPROBES] = untraced or f"the kernel accepts no probe on {ELSEWHERE[0]}"
        if not self.on_driver:
            why = ", which the driver in Rust does not have, and its functions have no hooks for probes"
            tried = f"the kernel accepts no probe on {', '.join(TRACED)}{why if driver == 'Rust' else ''}"
            found[Need.DRIVER_PROBES] = found.get(Need.KPROBES, tried)
        return {str(need): reason for need, reason in found.items()}


NO_PROBES = ProbesTaken(False, False, False)


def probes_taken(can_probe: Callable[[str | Kprobe], bool]) -> ProbesTaken:
    """Which probes a kernel accepts, on the driver's functions and elsewhere, by trying."""
    for function, parameter in TRACED.items():
        if can_probe(Kprobe(function, (Argument(parameter),))):
            return ProbesTaken(True, True, True)
    on_driver = any(map(can_probe, TRACED))
    function, parameter = ELSEWHERE
    by_name = can_probe(Kprobe(function, (Argument(parameter),)))
    return ProbesTaken(on_driver or by_name or can_probe(function), on_driver, by_name)


def _properties(device: ProbedDevice) -> dict[str, str]:
    output = device.run("getprop").output
    return dict(re.findall(r"^\[([^\]]*)\]: \[(.*)\]$", output, flags=re.MULTILINE))


def _kernel_release(process: RemoteProcess) -> str:
    """What uname(2) reports: Android keeps adb's shell from /proc/sys/kernel/osrelease."""
    with process.memory.allocate(6 * UTSNAME_FIELD) as names:
        process.syscall("uname", names.address)
        return names.read(2 * UTSNAME_FIELD, UTSNAME_FIELD).partition(b"\0")[0].decode(errors="replace")


def _services(device: ProbedDevice, process: RemoteProcess, attempts: Attempts) -> tuple[bool, bool]:
    """Whether Android's service manager replies, and whether the activity manager is registered."""
    if not device.surroundings.is_android:
        attempts.reasons[Need.SERVICE_MANAGER] = attempts.reasons[Need.FRAMEWORK] = CONTAINERS_LEFT_ALONE
        return False, False

    def has_activity_manager() -> bool:
        with Binder.open(process, BINDER) as binder:
            manager = ServiceManager(binder)
            try:
                manager.ping(deadline=Deadline(REPLY_SECONDS))
            except DeadObjectError as error:
                raise HarnessError(f"{BINDER} has no context manager") from error
            return manager.check(ACTIVITY_MANAGER, deadline=Deadline(REPLY_SECONDS)) is not None

    registered = attempts.result(Need.SERVICE_MANAGER, has_activity_manager)
    if registered is None:
        attempts.reasons[Need.FRAMEWORK] = attempts.reasons[Need.SERVICE_MANAGER]
    elif not registered:
        attempts.reasons[Need.FRAMEWORK] = f"no service is registered as {ACTIVITY_MANAGER!r}"
    return registered is not None, bool(registered)


def why_no_java(reasons: Mapping[str, str], *, embedded: bool) -> dict[str, str]:
    """Why no code of Android's framework can run, where none can, by the value of the Need."""
    java: str | None = "it is put on embedded devices alone"
    if embedded:
        java = reasons.get(Need.ROOT) or reasons.get(Need.FREE_BINDER)
    if java is None:
        return {}
    framework = reasons.get(Need.FRAMEWORK, f"what is registered as {ACTIVITY_MANAGER!r} is a stand-in")
    return {
        str(Need.JAVA): java,
        str(Need.FRAMEWORK_CODE): f"{framework}, and AOSP's Java is not to be had ({java})",
    }


def _frame_of_own_page(device: ProbedDevice, process: RemoteProcess) -> bool:
    with process.memory.allocate(process.page_size) as page:
        page.write(0, b"present")
        found = frames(device.files, process.pid, page.address, page.size, page_size=process.page_size)
    return bool(found)
