"""What keeps the driver in Rust from being built: a sentence each. Nothing half-built stays; C still works.

apt and dpkg-deb are the real ones, on a mirror in a directory. The build's programs are doubles, which print
what the kernel's print: scripts/mod/modpost.c, Linux 6.18, and the kernel's module loader.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.base.architecture import X86_64
from emulator.base.errors import SetupError
from emulator.cache import package_index
from emulator.cache.store import entry
from emulator.embedded.kernel import rust_driver as module
from emulator.embedded.kernel.rust_driver import OPTIONS, SOURCE, TOOLS, rust_driver
from emulator.embedded.kernel.suites import KernelPackages

RELEASE, VERSION = "7.3.4+deb13-amd64", "7.3.4-1"
PACKAGES = KernelPackages("linux-image-kernel=7.3", (f"linux-image-{RELEASE}={VERSION}",), ())
HEADERS = f"linux-headers-{RELEASE}"
NEEDED = (HEADERS, "linux-source-7.3", "gcc-14", *TOOLS)
COMPILER = f'CONFIG_CC_VERSION_TEXT="{platform.machine()}-linux-gnu-gcc-14 (Debian) 14"\n'
UNDEFINED = 'ERROR: modpost: "_RNvNtCs1_6kernel5print" [drivers/android/binder/rust_binder.ko] undefined!'
OTHER_VERSION = "rust_binder: disagrees about version of symbol module_layout"
FULL = "rustc: error: failed to write file: No space left on device"
DOUBLE = """\
case "$*" in
  *--extract*) mkdir -p {source}; : ;;
  *olddefconfig*) {configure} ;;
  *" modules") echo '{output}' >&2; exit 2 ;;
esac
"""


@dataclass
class Mirror:
    """A mirror in a directory; of its packages, the headers alone are more than a name."""

    root: Path
    versions: dict[str, str]
    sizes: dict[str, int]
    """Of packages that are said to be larger than they are."""

    def publish(self) -> None:
        """Write its packages and lists."""
        self.root.mkdir(exist_ok=True)
        listed = "\n".join(map(self._stanza, self.versions))
        packages = self.root / "dists/stable/main/binary-amd64/Packages"
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.write_text(listed)
        (self.root / "dists/stable/main/source").mkdir(exist_ok=True)
        (self.root / "dists/stable/main/source/Sources").write_text("")
        hashes = "".join(
            f" {hashlib.sha256(file.read_bytes()).hexdigest()} {file.stat().st_size} {name}\n"
            for name in ("main/binary-amd64/Packages", "main/source/Sources")
            for file in [self.root / "dists/stable" / name]
        )
        (self.root / "dists/stable/Release").write_text(
            f"Suite: stable\nCodename: stable\nArchitectures: amd64\nComponents: main\nSHA256:\n{hashes}"
        )

    def _stanza(self, name: str) -> str:
        file = self.root / f"{name}.deb"
        if name != HEADERS:
            file.write_text(f"the content of {name}")
        elif not file.exists():
            _build_headers(file)
        return (
            f"Package: {name}\nVersion: {self.versions[name]}\nArchitecture: amd64\nMaintainer: nobody\n"
            f"Filename: {file.name}\nSize: {self.sizes.get(name, file.stat().st_size)}\n"
            f"SHA256: {hashlib.sha256(file.read_bytes()).hexdigest()}\nDescription: of a test\n"
        )


def _build_headers(package: Path) -> None:
    """The package with a kernel's headers, of which its configuration matters here."""
    content = package.parent / "headers"
    (content / "DEBIAN").mkdir(parents=True)
    (content / "DEBIAN/control").write_text(
        f"Package: {HEADERS}\nVersion: {VERSION}\nArchitecture: amd64\nMaintainer: nobody\n"
        "Description: of a test\n"
    )
    _write_headers(content)
    subprocess.run(["dpkg-deb", "--build", content, package], check=True, capture_output=True)


def _write_headers(root: Path) -> None:
    headers = root / "usr/src" / HEADERS
    headers.mkdir(parents=True)
    (headers / ".config").write_text(COMPILER)
    (headers / "Module.symvers").write_text("0x1 module_layout vmlinux EXPORT_SYMBOL\n")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a kernel whose driver is in C."""
    root = tmp_path / "cache"
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(root))
    monkeypatch.setattr(module, "RUST_BUILD", ())
    monkeypatch.setattr(module, "ROOM", 0)

    def kernel(directory: Path) -> None:
        (directory / "kernel").write_text("C")

    entry(f"linux-image-{RELEASE}", "c", kernel)
    return root


@pytest.fixture
def mirror(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:  # noqa: ARG001
    """A mirror that this machine's sources name, and no other."""
    made = Mirror(tmp_path / "mirror", dict.fromkeys(NEEDED, VERSION), {})
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb [trusted=yes] copy:{made.root} stable main\n")
    monkeypatch.setattr(package_index, "SOURCES", sources)
    monkeypatch.setattr(package_index, "SOURCES_PARTS", tmp_path / "nothing")
    made.publish()
    return made


def refused(cache: Path) -> str:
    """What is said where the driver cannot be built, when nothing of it is left and the other is intact."""
    with pytest.raises(SetupError) as error:
        rust_driver(PACKAGES, X86_64)
    left = {path.name for path in cache.iterdir() if not path.name.startswith("apt-")}
    assert left == {"locks", f"linux-image-{RELEASE}-c"}
    kept = entry(f"linux-image-{RELEASE}", "c", lambda _: pytest.fail("is built again"))
    assert (kept / "kernel").read_text() == "C"
    return str(error.value)


def test_a_suite_that_is_not_there(cache: Path, mirror: Mirror) -> None:
    shutil.rmtree(mirror.root / "dists")
    package_index.SOURCES.write_text(f"deb copy:{mirror.root} stable main\n")
    message = refused(cache)
    assert message.startswith("The list of Debian's packages cannot be read.")
    assert "The mirror does not have that suite or package" in message


def test_a_list_that_is_newer_than_its_suite(cache: Path, mirror: Mirror) -> None:
    with (mirror.root / "dists/stable/main/binary-amd64/Packages").open("a") as packages:
        packages.write("\nPackage: another\n")
    message = refused(cache)
    assert "The list of Debian's packages cannot be read." in message
    assert message.endswith("The mirror is being updated. Try again in some minutes.")


def test_a_package_that_is_newer_than_the_list(cache: Path, mirror: Mirror) -> None:
    file = mirror.root / "rustc.deb"
    file.write_text("x" * file.stat().st_size)
    assert refused(cache).endswith("The mirror is being updated. Try again in some minutes.")


def test_a_suite_without_rustc(cache: Path, mirror: Mirror) -> None:
    del mirror.versions["rustc"]
    mirror.publish()
    message = refused(cache)
    assert "Unable to locate package rustc" in message
    assert message.endswith("The mirror does not have that suite or package, or no longer has.")


def test_a_suite_that_has_the_kernel_no_longer(cache: Path, mirror: Mirror) -> None:
    mirror.versions[HEADERS] = "7.3.5-1"
    mirror.publish()
    message = refused(cache)
    assert f"Version '{VERSION}' for '{HEADERS}' was not found" in message
    assert message.endswith("The mirror does not have that suite or package, or no longer has.")


def test_a_package_that_is_no_archive(cache: Path, mirror: Mirror) -> None:
    assert mirror.versions, "the others' tests do not get so far"
    message = refused(cache)
    assert message.startswith("`dpkg-deb --extract ")
    assert message.endswith("The package cannot be unpacked: look at what dpkg-deb said, and try again.")


def test_packages_for_which_there_is_no_room(cache: Path, mirror: Mirror) -> None:
    mirror.sizes["clang"] = 1 << 60
    mirror.publish()
    assert "The disk is full. Free some space" in refused(cache)


Build = Callable[[str, str], None]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Has the build's last step print a text and fail, after a configuration that another step writes."""

    def unpack_headers(_record: object, _packages: object, root: Path, *_arguments: object) -> None:
        _write_headers(root)

    def unpack_tools(_: object, root: Path, *_arguments: object, **_options: object) -> None:
        (root / "usr/bin").mkdir(parents=True)

    def prepare(output: str, configure: str) -> None:
        double = tmp_path / "double"
        double.write_text(DOUBLE.format(source=SOURCE, output=output, configure=configure))
        monkeypatch.setattr(module, "unpack", unpack_headers)
        monkeypatch.setattr(module, "unpack_all", unpack_tools)
        monkeypatch.setattr(
            module, "sandbox", lambda _, tree: ("env", "--chdir", str(tree), "sh", str(double))
        )

    return prepare


@pytest.mark.parametrize(
    ("output", "configure", "sentence"),
    [
        (UNDEFINED, ":", f"A symbol of {RELEASE} has another version or is not there"),
        (OTHER_VERSION, ":", f"A symbol of {RELEASE} has another version or is not there"),
        (FULL, ":", "The disk is full. Free some space"),
        # As where rustc is not the one that scripts/rust_is_available.sh wants: CONFIG_RUST is dropped.
        (
            "",
            f"echo '{COMPILER}' > .config",
            "the suite's rustc, bindgen or clang is none that it can be built with",
        ),
    ],
)
def test_a_build_that_fails(cache: Path, build: Build, output: str, configure: str, sentence: str) -> None:
    build(output, configure)
    message = refused(cache)
    assert sentence in " ".join(message.split())
    assert output in message


def test_the_double_of_the_build_fails_at_its_last_step_alone(tmp_path: Path, build: Build) -> None:
    build(FULL, ":")
    command = [*module.sandbox(tmp_path, tmp_path), "make", "M=x"]
    assert subprocess.run([*command, "modules_prepare"], check=False).returncode == 0
    assert subprocess.run([*command, "modules"], check=False, capture_output=True).returncode == 2
    assert "CONFIG_ANDROID_BINDER_IPC_RUST=y" in OPTIONS
