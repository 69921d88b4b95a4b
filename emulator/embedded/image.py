"""Assembles kernel modules and user space into the initramfs that the device runs from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.build.agents import channel_server, init, syscall_agent
from emulator.build.generation import ANDROID_11, DEFAULT_GENERATION, PROPERTY, Generation
from emulator.build.java.release import JavaRelease
from emulator.build.java.runtime import PROPERTY as JAVA_PROPERTY
from emulator.build.java.runtime import java_roots
from emulator.build.userland import adbd_root, binder_userland, busybox, busybox_commands
from emulator.cache.store import entry, fingerprint
from emulator.embedded.archive import Archive
from emulator.embedded.kernel.debian_kernels import DEFAULT_VERSION
from emulator.embedded.kernel.find import Kernel, find_kernel
from emulator.embedded.policy.build import security_policy
from emulator.embedded.strict import PROPERTIES

ROOT = Path(__file__).with_name("root")
"""Files that every device has, laid out as in its file system."""
SHELL_USER = 2000
"""AID_SHELL, the user of adb's shell (AOSP, private/android_filesystem_config.h)."""

BUSYBOX = "system/bin/busybox"
ON_LIBBINDER = "system/bin/servicemanager11"
"""Android 11's service manager, beside that of Android 10, which is in C."""
BUILD_PROPERTIES = "system/build.prop"
POLICY = "sepolicy"
"""Where init looks for a security policy, as Android's did before it had several partitions."""
AGENT = "/system/bin/syscall_agent"
"""The path of the system call agent on every embedded device."""

EMPTY_DIRECTORIES = ("dev", "proc", "run", "sys")


@dataclass(frozen=True)
class Image:
    """Everything QEMU needs to start a device."""

    kernel: Kernel
    initramfs: Path


def embedded_image(
    kernel: Kernel | None = None,
    build_type: str | None = None,
    generation: Generation = DEFAULT_GENERATION,
    *,
    java: JavaRelease | None = None,
) -> Image:
    """An embedded device's image, from the cache or built now, with everything in it.

    Its kernel is Debian's 6.12 for x86_64 unless another is given. Its user space is that of a generation of
    Android, and it has a service manager of the other kind beside that one's. Where a build type is given,
    user or userdebug, the image has its security policy, which init enforces, and its properties. With
    `java`, it has that release of AOSP's framework in Java, and OpenJDK.
    """
    kernel = kernel or find_kernel(DEFAULT_VERSION)
    architecture = kernel.architecture
    programs = {
        "init": init(architecture),
        BUSYBOX: busybox(architecture),
        "system/bin/channel_server": channel_server(architecture),
        AGENT.lstrip("/"): syscall_agent(architecture),
    }
    if build_type is not None:
        programs[POLICY] = security_policy(build_type)
    if generation.in_c:
        programs[ON_LIBBINDER] = binder_userland(architecture, ANDROID_11) / "root/system/bin/aosp_commands"
    properties = {PROPERTY: str(generation.number), **PROPERTIES.get(build_type or "", {})}
    if java is not None:
        properties[JAVA_PROPERTY] = str(java.number)
    modules = {f"lib/modules/{module.name}": module for module in kernel.modules}
    userland = binder_userland(architecture, generation) / "root"
    roots = (ROOT, adbd_root(architecture), userland, *(java_roots(java, architecture) if java else ()))
    key = fingerprint(
        ROOT,
        # The paths of cache entries contain fingerprints of their sources.
        *(f"{name} {file}" for name, file in (programs | modules).items()),
        *map(str, roots[1:]),
        repr(properties),
        Path(__file__),
        Path(__file__).with_name("archive.py"),
    )

    def build(target: Path) -> None:
        (target / "initramfs").write_bytes(_assembled(programs | modules, roots, properties))

    return Image(kernel, entry("image", key, build) / "initramfs")


def _assembled(files: Mapping[str, Path], roots: Iterable[Path], properties: Mapping[str, str]) -> bytes:
    """An initramfs of these files, everything below the roots, and a link for each command of busybox.

    A command in the roots replaces busybox's, and a property the one of that name in the roots.
    """
    contents = {name: file.read_bytes() for name, file in files.items()}
    links = {f"system/bin/{name}": Path(BUSYBOX).name for name in busybox_commands(contents[BUSYBOX])}
    for root in roots:
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            if path.is_symlink():
                links[name] = str(path.readlink())
            elif path.is_file():
                contents[name] = path.read_bytes()
    contents[BUILD_PROPERTIES] += "".join(f"{name}={value}\n" for name, value in properties.items()).encode()
    return archive_of(contents, {name: target for name, target in links.items() if name not in contents})


def archive_of(files: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    """An initramfs with these files and links, their directories, and the directories of every device.

    Programs and scripts are recognised by their first bytes and made executable: a Python package that was
    installed from an archive may have lost the modes of its files.
    """
    archive = Archive()
    parents = {str(parent) for name in files for parent in Path(name).parents}
    for directory in sorted(parents - {"."} | set(EMPTY_DIRECTORIES)):
        archive.directory(directory)
    archive.directory("root", mode=0o700)
    archive.directory("tmp", mode=0o1777)
    archive.directory("data")
    archive.directory("data/local")
    archive.directory("data/local/tmp", mode=0o771, owner=SHELL_USER)
    archive.character_device("dev/console", 5, 1)
    archive.character_device("dev/null", 1, 3, mode=0o666)
    archive.link("bin", "system/bin")  # as on Android
    for name, content in sorted(files.items()):
        executable = content.startswith((b"#!", b"\x7fELF")) and not name.endswith(".ko")
        archive.file(name, content, mode=0o755 if executable else 0o644)
    for name, target in sorted(links.items()):
        archive.link(name, target)
    return archive.finish()
