"""A Debian without a disk: packages of Debian 12, this project's wheel and what it needs, as an initramfs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from emulator.base.architecture import DEFAULT
from emulator.base.command import run
from emulator.build.agents import syscall_agent
from emulator.cache.package_index import package_index
from emulator.embedded.archive import Archive
from emulator.embedded.kernel.find import Kernel

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).with_name("root")
"""What the guest has beside packages, laid out as there."""
PACKAGES = (
    "coreutils",
    "dash",
    "findutils",
    "grep",
    "iproute2",
    "kmod",
    "mount",
    "openssh-server",
    "python3",
    "sed",
    "sudo",
    "util-linux",
)
LEFT_OUT = re.compile(r"perl|debconf|dpkg|usrmerge|^gcc|^libgdbm|^libdb5|^tzdata|media-types")
"""Packages that only maintainers' scripts need, which do not run here."""
UNUSED = re.compile(r"(usr/)?(share/(doc|man|locale|info|lintian|bash-completion)|lib/systemd)/|boot/")
MERGED = ("bin", "lib", "lib64", "sbin")
"""Directories that are links into /usr in Debian 12, though its packages still use both."""
EMPTY = ("dev", "home", "proc", "run", "sys")
COMPILER = "ziglang"
"""What pip has recorded of it is there, but not its 400 MB of compiler, whose product is brought along."""
SITE = "usr/lib/python3/dist-packages"
CACHE = "var/cache/binder-harness"
SECONDS = 900.0


def build_guest(kernel: Kernel, target: Path) -> Path:
    """Build the initramfs for a kernel in an empty directory, and return its file."""
    system, site, agent = target / "system", target / "site", syscall_agent(DEFAULT).parent
    system.mkdir()
    _unpack_packages(target / "packages", system)
    _install(site)
    _compile(system, site)
    modules = f"usr/lib/modules/{_release(kernel)}"
    contents = dict(
        [
            *_files(system, ""),
            *_files(site, f"{SITE}/"),
            *_files(FILES, ""),
            *_files(agent, f"{CACHE}/{agent.name}/"),
            *((f"{modules}/{module.name.partition('-')[2]}", module) for module in kernel.modules),
        ]
    )
    initramfs = target / "initramfs"
    initramfs.write_bytes(_archive(contents))
    return initramfs


def steps(scripts: Mapping[str, str]) -> bytes:
    """An archive to follow the other one: shell scripts that the guest runs in the order of their names."""
    archive = Archive()
    archive.directory("steps")
    for name, script in scripts.items():
        archive.file(f"steps/{name}", script.encode())
    return archive.finish()


def _archive(contents: Mapping[str, Path]) -> bytes:
    """The files by their names there; their directories are made with them."""
    archive = Archive()
    parents = {str(parent) for name in contents for parent in Path(name).parents} | set(EMPTY)
    for directory in sorted(parents - {"."}):
        archive.directory(directory)
    archive.directory("tmp", mode=0o1777)
    archive.directory("root", mode=0o700)
    archive.character_device("dev/console", 5, 1)
    for name in MERGED:
        archive.link(name, f"usr/{name}")
    for name, file in contents.items():
        if file.is_symlink():
            archive.link(name, str(file.readlink()))
        else:
            archive.file(name, file.read_bytes(), mode=file.stat().st_mode & 0o7777)
    return archive.finish()


def _release(kernel: Kernel) -> str:
    found = re.search(rb"Linux version (\S+) ", kernel.image.read_bytes())
    assert found is not None
    return found[1].decode()


def _unpack_packages(downloads: Path, target: Path) -> None:
    downloads.mkdir()
    with package_index() as index:
        simulated = run(
            ["apt-get", *index._options, "--simulate", "--no-install-recommends", "install", *PACKAGES],
            seconds=SECONDS,
        )
        names = re.findall(r"^Inst (\S+)", simulated, flags=re.MULTILINE)
        archives = index.download_all([name for name in names if not LEFT_OUT.search(name)], downloads)
    for archive in archives:
        run(["dpkg-deb", "--extract", archive, target], seconds=SECONDS)


def _install(site: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    constraints = site.with_name("constraints.txt")
    frozen = run([*pip, "freeze", "--exclude-editable"], seconds=SECONDS)
    constraints.write_text(frozen)
    run([*pip, "wheel", "--no-deps", "--wheel-dir", site.with_name("wheel"), str(ROOT)], seconds=SECONDS)
    (wheel,) = site.with_name("wheel").glob("*.whl")
    run([*pip, "install", "--target", site, "--constraint", constraints, str(wheel)], seconds=SECONDS)


def _compile(*trees: Path) -> None:
    # By their content, since an initramfs of ours has no times: otherwise every start would compile anew.
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", *trees],
        check=False,
        timeout=SECONDS,
        stdout=subprocess.DEVNULL,
    )


def _files(tree: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for directory, directories, names in os.walk(tree):
        place = Path(directory)
        links = [name for name in directories if (place / name).is_symlink()]
        directories[:] = sorted(set(directories) - set(links) - {COMPILER})
        for name in sorted([*names, *links]):
            inside = f"{prefix}{(place / name).relative_to(tree)}"
            top, _, rest = inside.partition("/")
            if rest and top in MERGED:
                inside = f"usr/{inside}"
            if not UNUSED.match(inside):
                yield inside, place / name
