"""Embedded devices of other kernels, architectures and page sizes, and with a kernel of one's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import DeviceLostError
from emulator.embedded.kernel.find import Kernel, find_kernel
from emulator.embedded.kernel.image_format import read_kernel_image
from harness.binder.services.wire import INTERFACE as SERVICE_MANAGER
from harness.device.device import open_device
from harness.experiments.core.finding import Verdict
from harness.recording.record import record_transactions
from harness.report.document import Document
from tests.device import test_driver_facilities

WITHIN = 240.0
NEED_ANDROID = {"limit.java-exception", "sm.restart", "service.cache", "service.slow-log"}
"""Claims that need Android's init, or its framework."""


@pytest.mark.parametrize(
    ("target", "release", "architecture", "page_size"),
    [
        ("embedded?kernel=6.1", "6.1.", "x86_64", 4096),
        ("embedded?kernel=6.12-rt", "-rt-amd64", "x86_64", 4096),
        ("embedded?arch=arm64", "-arm64", "aarch64", 4096),
        ("embedded?arch=arm64&kernel=6.1", "6.1.", "aarch64", 4096),
    ],
)
def test_a_device_is_of_the_kernel_that_its_target_names(
    target: str, release: str, architecture: str, page_size: int
) -> None:
    with open_device(f"{target}{'&' if '?' in target else '?'}start=cold") as device:
        assert release in device.facts.kernel_release
        assert (device.facts.architecture, device.facts.page_size) == (architecture, page_size)
        assert "manager" in device.shell("service list").lower()


def judged(target: str, results: Path) -> tuple[subprocess.CompletedProcess[str], Document]:
    """A run of all claims, and its results."""
    command = ["verify", "--target", target, "--json", str(results)]
    ran = subprocess.run(
        [sys.executable, "-c", "import harness.cli; harness.cli.main()", *command],
        capture_output=True,
        text=True,
        timeout=WITHIN,
    )
    assert results.exists(), ran.stdout[-4000:] + ran.stderr[-2000:]
    return ran, Document.load(results)


def verified(target: str, results: Path) -> Document:
    """The results of all claims, which must be as expected."""
    ran, document = judged(target, results)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    return document


def test_all_claims_are_as_known_where_pages_have_16_kib(tmp_path: Path) -> None:
    document = verified("embedded?arch=arm64&pages=16k", tmp_path / "results.json")
    assert document.device is not None
    assert document.device.page_size == 16384
    measured = {claim.id: claim.measured for claim in document.claims}
    assert "took a call of 1,015,808 bytes" in measured["limit.largest-sync"]
    assert "1,015,808 bytes are mapped" in measured["limit.zygote-1m-8k"]


def test_all_claims_are_as_expected_where_no_device_of_binderfs_is_free(tmp_path: Path) -> None:
    find_kernel("debian-source")  # is built at the first use, which takes longer than the claims
    document = verified("embedded?kernel=debian-source&managers=all", tmp_path / "results.json")
    assert document.device is not None
    assert document.device.kernel_release.endswith("-debian-source")
    results = {claim.id: claim for claim in document.claims}
    untestable = {name for name, claim in results.items() if claim.verdict is Verdict.NOT_TESTABLE}
    assert untestable == NEED_ANDROID | {"mmap.same-frame"}
    assert results["node.misc"].verdict is Verdict.REFUTED


@pytest.mark.long
@pytest.mark.parametrize("kernel", ["6.18", "7.3", "7.3-rt", "7.3&arch=arm64"])
def test_all_claims_are_as_expected_on_newer_kernels(kernel: str, tmp_path: Path) -> None:
    document = verified(f"embedded?kernel={kernel}", tmp_path / "results.json")
    assert document.device is not None
    assert document.device.kernel_release.startswith(re.match(r"[\d.]+", kernel)[0])  # type: ignore[index]
    untestable = {claim.id for claim in document.claims if claim.verdict is Verdict.NOT_TESTABLE}
    others = {name for name in untestable if not name.startswith("binderfs.")}  # Debian's have no binderfs
    assert others == NEED_ANDROID


@pytest.mark.long
@pytest.mark.parametrize(
    ("architecture", "unseen"),
    [(X86_64, set()), (AARCH64, {"copy.scatter-gather"})],  # QEMU emulates no watchpoints of arm64
)
def test_each_claim_has_a_verdict_on_the_driver_in_rust(
    architecture: Architecture, unseen: set[str], tmp_path: Path
) -> None:
    # It is built at the first use, which takes longer than the claims.
    find_kernel("7.3", architecture, in_rust=True)
    target = f"embedded?driver=rust&arch={architecture.target_name}"
    _, document = judged(target, tmp_path / "results.json")
    assert document.device is not None
    assert document.device.driver == "Rust"
    assert [claim.id for claim in document.claims if claim.verdict is Verdict.ERROR] == []
    assert [claim.id for claim in document.claims if claim.as_expected is False] == ["node.fd-limit"]
    untestable = {claim.id for claim in document.claims if claim.verdict is Verdict.NOT_TESTABLE}
    assert untestable == unseen | NEED_ANDROID


@pytest.mark.long
@pytest.mark.parametrize(
    ("target", "reports", "hashed"),
    [
        ("embedded?kernel=6.18", True, True),
        ("embedded?kernel=7.3", True, True),
        ("embedded?driver=rust", True, False),
    ],
)
def test_what_newer_drivers_have_works(target: str, reports: bool, hashed: bool) -> None:
    with open_device(target) as device:
        facts = device.facts
        assert (facts.freeze_notifications, facts.transaction_reports) == (True, reports)
        assert facts.hashed_debug_files == hashed
        test_driver_facilities.test_freezing_is_notified_where_the_driver_can(device)
        test_driver_facilities.test_failed_transactions_are_reported_where_the_kernel_does(device)
        test_driver_facilities.test_addresses_are_hashed_where_the_driver_can(device)
        if facts.driver == "Rust":  # its devices are binderfs's, which lists features
            assert {"freeze_notification", "transaction_report"} <= set(facts.driver_features)


@pytest.mark.long
def test_a_recording_of_the_driver_in_rust_has_sizes_and_interfaces() -> None:
    with open_device("embedded?driver=rust") as device:
        with record_transactions(device) as record:
            device.shell("service list")
        calls = record.hops.without_replies()
    assert None not in {hop.data_size for hop in record.hops}
    assert [hop.interface for hop in calls][:3] == [SERVICE_MANAGER] * 3  # then the service is asked
    assert len(calls) == len(record.hops) - len(calls)


def test_a_kernel_from_debians_source_has_and_hides_what_androids_does() -> None:
    with open_device("embedded?kernel=debian-source") as device:
        assert device.files.read_link("/dev/vndbinder") == "/dev/binderfs/vndbinder"
        assert device.files.read_text("/proc/sys/kernel/kptr_restrict") == "2\n"
        assert not device.files.exists("/proc/kcore")


def own_kernel(directory: Path, kernel: Kernel, *, built_in: str = "") -> Path:
    """A kernel as its build leaves it: the image, and its modules below lib/modules."""
    image = directory / "vmlinux"
    image.symlink_to(kernel.image)
    tree = directory / "lib" / "modules" / read_kernel_image(image.read_bytes()).release
    tree.mkdir(parents=True)
    (tree / "modules.builtin").write_text(f"virtio_pci.ko\nvirtio_console.ko\n{built_in}\n")
    for module in kernel.modules:
        (tree / f"{module.stem.partition('-')[2]}.ko").write_bytes(module.read_bytes())
    return image


def test_ones_own_kernel_boots_with_its_modules(tmp_path: Path) -> None:
    image = own_kernel(tmp_path, find_kernel("6.12"))
    with open_device(f"embedded?kernel={image}&start=cold") as device:
        assert device.shell("lsmod | grep -c ^binder_linux") == "1"
        assert device.facts.free_binder_device == "/dev/vndbinder"


def test_a_kernel_that_turns_out_to_have_no_binder_says_so(tmp_path: Path) -> None:
    image = own_kernel(tmp_path, find_kernel("6.12"), built_in="kernel/drivers/android/binder.ko")
    with pytest.raises(DeviceLostError, match="no Binder driver"):
        open_device(f"embedded?kernel={image}&start=cold")
