"""The parsers of /proc, on texts in the kernel's forms and on this machine's own files."""

from __future__ import annotations

import errno
import gzip
import mmap
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.parsing import MalformedFileError
from harness.kernel.proc.devices import Driver, parse_devices, parse_misc, read_devices, read_misc
from harness.kernel.proc.maps import (
    AddressNotMappedError,
    Mapping,
    Maps,
    parse_maps,
    parse_smaps,
    read_maps,
)
from harness.kernel.proc.memory import (
    parse_meminfo,
    parse_slabinfo,
    parse_vmallocinfo,
    read_meminfo,
    read_slabinfo,
    read_vmallocinfo,
)
from harness.kernel.proc.process import Limit, ProcessFiles, parse_limits, parse_status
from harness.kernel.proc.system import (
    OpenFiles,
    parse_modules,
    read_config,
    read_file_max,
    read_file_nr,
    read_filesystems,
    read_modules,
    read_version,
)
from tests.support.fake_files import FakeFiles, LocalFiles

LOCAL = LocalFiles()
SELF = ProcessFiles(LOCAL, os.getpid())

BINDER_SMAPS = """\
7f5a3c000000-7f5a3c0fe000 r--p 00000000 00:06 312                        /dev/vndbinder
Size:               1016 kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:                  12 kB
Pss:                  12 kB
Shared_Clean:          0 kB
THPeligible:           0
ProtectionKey:         0
VmFlags: rd mr me dc nr sd mm\x20
7f5a3c0fe000-7f5a3c100000 rw-p 00000000 00:00 0\x20
Size:                  8 kB
KernelPageSize:        4 kB
Rss:                   0 kB
VmFlags: rd wr mr mw me ac zz\x20
"""


def test_a_mapping_is_shown_in_one_line() -> None:
    binder, anonymous = parse_smaps(BINDER_SMAPS)
    assert repr(binder) == (
        "<DetailedMapping 0x7f5a3c000000-0x7f5a3c0fe000 r--p /dev/vndbinder: 1,040,384 bytes, 12,288 with a "
        "page; VmFlags dc me mm mr nr rd sd>"
    )
    assert repr(anonymous).startswith("<DetailedMapping 0x7f5a3c0fe000-0x7f5a3c100000 rw-p: 8,192 bytes, 0 ")


def test_smaps_of_a_binder_mapping() -> None:
    maps = parse_smaps(BINDER_SMAPS)
    binder = maps.at(0x7F5A3C0FDFFF)
    assert binder.path == "/dev/vndbinder"
    assert binder.size == 1024 * 1024 - 8192
    assert binder.device == (0, 6)
    assert binder.rss == 12 * 1024
    assert binder.page_size == 4096
    assert binder.vm_flags == {"rd", "mr", "me", "dc", "nr", "sd", "mm"}
    assert binder.explained_flags["dc"] == "not copied into a forked child"
    assert binder.other == {"THPeligible": "0", "ProtectionKey": "0"}
    assert maps.of_file("/dev/vndbinder") == (binder,)


def test_a_flag_of_a_later_kernel_is_kept() -> None:
    anonymous = parse_smaps(BINDER_SMAPS).at(0x7F5A3C0FE000)
    assert anonymous.path == ""
    assert anonymous.explained_flags["zz"] == "unknown flag"


@pytest.mark.parametrize("address", [0x1000, 0x7F5A3C100000])
def test_an_address_outside_every_mapping(address: int) -> None:
    with pytest.raises(AddressNotMappedError, match=hex(address)):
        parse_smaps(BINDER_SMAPS).at(address)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Rss: 4 kB\n", 1),
        (BINDER_SMAPS + "no such line\n", 16),
        ("7f5a3c000000-7f5a3c0fe000 r--p\n", 1),
    ],
)
def test_a_malformed_smaps_names_file_and_line(text: str, line: int) -> None:
    with pytest.raises(MalformedFileError, match=f"/proc/7/smaps, line {line}:"):
        parse_smaps(text, path="/proc/7/smaps")


def paths() -> st.SearchStrategy[str]:
    """Paths as the kernel prints them: newlines escaped, anything else as it is.

    None ends in a carriage return: before a newline it is taken for the one that old adb puts there.
    """
    names = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]))
    return names.map(lambda name: f"/{name}".rstrip("\r")) | st.sampled_from(["", "[stack]", "[anon:a b]"])


@st.composite
def mappings(draw: st.DrawFn) -> list[Mapping]:
    edges = sorted(draw(st.sets(st.integers(0, (1 << 52) - 1), min_size=2)))
    return [
        Mapping(
            start=start << 12,
            end=end << 12,
            permissions=draw(st.sampled_from(["r--p", "rw-p", "r-xs", "---p"])),
            offset=draw(st.integers(0, 1 << 40)) << 12,
            device=(draw(st.integers(0, 4095)), draw(st.integers(0, 255))),
            inode=draw(st.integers(0, 1 << 63)),
            path=draw(paths()),
        )
        for start, end in zip(edges[::2], edges[1::2], strict=False)
    ]


def printed(mapping: Mapping) -> str:
    """As show_map_vma in fs/proc/task_mmu.c prints it: the path from column 73 on."""
    major, minor = mapping.device
    heading = (
        f"{mapping.start:08x}-{mapping.end:08x} {mapping.permissions} {mapping.offset:08x} "
        f"{major:02x}:{minor:02x} {mapping.inode} "
    )
    return f"{heading:<73}{mapping.path}" if mapping.path else heading


@given(mappings())
def test_maps_come_back_as_they_were_printed(expected: list[Mapping]) -> None:
    maps = parse_maps("".join(f"{printed(mapping)}\n" for mapping in expected))
    assert list(maps) == expected
    for mapping in expected:
        assert maps.at(mapping.start) == mapping == maps.at(mapping.end - 1)


@given(mappings(), st.integers(0, 1 << 64))
def test_at_agrees_with_looking_at_every_mapping(expected: list[Mapping], address: int) -> None:
    holding = [mapping for mapping in expected if address in mapping]
    maps = Maps(expected)
    if holding:
        assert maps.at(address) == holding[0]
    else:
        with pytest.raises(AddressNotMappedError):
            maps.at(address)


def test_this_process_s_maps() -> None:
    with mmap.mmap(-1, 3 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as memory:
        sizes = {mapping.size for mapping in SELF.maps if not mapping.path.startswith("/")}
        assert any(size >= len(memory) for size in sizes)
    executable = Path("/proc/self/exe").resolve()
    assert any(mapping.path == str(executable) for mapping in read_maps(LOCAL, os.getpid()))
    assert all(mapping.page_size == mmap.PAGESIZE for mapping in SELF.maps)
    assert all("rd" in mapping.vm_flags for mapping in SELF.maps if mapping.permissions[0] == "r")


def test_this_process_s_status() -> None:
    status = SELF.status
    assert status.parent == os.getppid()
    assert status.uid == os.getuid()
    assert status.effective_uid == os.geteuid()
    assert status.state == "R"
    assert status.threads == len(SELF.threads)
    assert status.size("VmRSS") % mmap.PAGESIZE == 0
    assert os.getpid() in SELF.threads


def test_a_status_field_that_is_no_size() -> None:
    status = parse_status("Name:\tserver\nVmRSS:\t     120 kB\nThreads:\t3\n")
    assert (status.name, status.size("VmRSS"), status.number("Threads")) == ("server", 120 * 1024, 3)
    with pytest.raises(ValueError, match="Threads is not a size in kB"):
        status.size("Threads")


def test_this_process_s_descriptors_and_limits(tmp_path: Path) -> None:
    with (tmp_path / "opened").open("w") as file:
        assert SELF.descriptors[file.fileno()] == str(tmp_path / "opened")
    soft, hard = os.sysconf("SC_OPEN_MAX"), SELF.limits["Max open files"].hard
    assert SELF.limits["Max open files"] == Limit(soft, hard, "files")


def test_a_descriptor_closed_while_the_links_are_read() -> None:
    links = {f"/proc/9/fd/{number}": f"/dev/{number}" for number in (0, 1, 2)}
    files = FakeFiles(links=links, errors={"/proc/9/fd/1": errno.ENOENT})
    assert ProcessFiles(files, 9).descriptors == {0: "/dev/0", 2: "/dev/2"}


def test_a_process_that_has_ended() -> None:
    with pytest.raises(FileNotFoundError, match="/proc/9/smaps"):
        _ = ProcessFiles(FakeFiles(), 9).maps


def test_limits() -> None:
    limits = parse_limits(
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max cpu time              unlimited            unlimited            seconds   \n"
        "Max open files            1024                 1048576              files     \n"
        "Max nice priority         0                    0                    \n"
    )
    assert limits == {
        "Max cpu time": Limit(None, None, "seconds"),
        "Max open files": Limit(1024, 1048576, "files"),
        "Max nice priority": Limit(0, 0, ""),
    }


def test_devices() -> None:
    devices = parse_devices(
        "Character devices:\n  4 /dev/vc/0\n  4 tty\n 10 misc\n511 binder\n\nBlock devices:\n254 virtblk\n"
    )
    assert devices.character[:2] == (Driver(4, "/dev/vc/0"), Driver(4, "tty"))
    assert devices.character_majors("misc") == {10}
    assert devices.character_majors("ashmem") == frozenset()
    assert devices.binder_majors == {511}
    assert devices.block == (Driver(254, "virtblk"),)


def test_a_device_above_the_first_heading() -> None:
    with pytest.raises(MalformedFileError, match="/proc/devices, line 1"):
        parse_devices(" 10 misc\n")


def test_misc() -> None:
    assert parse_misc(" 59 binder\n 58 hwbinder\n228 hpet\n") == {"binder": 59, "hwbinder": 58, "hpet": 228}


def test_this_machine_s_devices() -> None:
    (major,) = read_devices(LOCAL).character_majors("misc")
    assert major == 10
    for name, minor in read_misc(LOCAL).items():
        node = Path("/dev", name)
        if node.is_char_device():
            number = node.stat().st_rdev
            assert (os.major(number), os.minor(number)) == (major, minor)


SLABINFO = """\
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
binder node buf        5     21    192   21    1 : tunables    0    0    0 : slabdata      1      1      0
kmalloc-8k           172    172   8192    4    8 : tunables    0    0    0 : slabdata     43     43      0
"""  # noqa: E501


def test_slabinfo() -> None:
    caches = parse_slabinfo(SLABINFO)
    assert caches["kmalloc-8k"].object_size == 8192
    assert caches["kmalloc-8k"].pages_per_slab == 8
    assert caches["binder node buf"].active_objects == 5
    assert caches["binder node buf"].rest.startswith("tunables    0")


def test_vmallocinfo() -> None:
    text = (
        "0x00000000b04bfee5-0x00000000b4997f81   20480 "
        "binder_mmap+0xca/0x100 [binder_linux] pages=4 vmalloc N0=4\n"
        "0x0000000012345678-0x0000000012345679    8192 unpurged vm_area\n"
        "0x0000000012345680-0x0000000012345681    8192\n"
    )
    with_module, unpurged, bare = parse_vmallocinfo(text)
    assert (with_module.caller, with_module.module) == ("binder_mmap+0xca/0x100", "binder_linux")
    assert with_module.words == ("pages=4", "vmalloc", "N0=4")
    assert (unpurged.caller, unpurged.words) == ("", ("unpurged", "vm_area"))
    assert (bare.size, bare.words) == (8192, ())


def test_meminfo() -> None:
    assert parse_meminfo("MemTotal:    2048 kB\nHugePages_Total:       3\nActive(anon):   4 kB\n") == {
        "MemTotal": 2048 * 1024,
        "HugePages_Total": 3,
        "Active(anon)": 4096,
    }


def test_this_machine_s_memory() -> None:
    assert read_meminfo(LOCAL)["MemTotal"] == os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE
    if not os.access("/proc/slabinfo", os.R_OK) or not os.access("/proc/vmallocinfo", os.R_OK):
        pytest.skip("this machine lets only root read /proc/slabinfo and /proc/vmallocinfo")
    assert any(name.startswith("kmalloc") for name in read_slabinfo(LOCAL))
    assert all(area.size % mmap.PAGESIZE == 0 for area in read_vmallocinfo(LOCAL))


def test_modules() -> None:
    modules = parse_modules(
        "binder_linux 225280 12 - Live 0xffffffffc0a3e000 (E)\n"
        "virtio 20480 2 virtio_pci,virtio_console, Live 0x0000000000000000\n"
        "builtin 4096 - - Live 0x0000000000000000\n"
    )
    assert modules["binder_linux"].users == 12
    assert modules["binder_linux"].rest == "(E)"
    assert modules["virtio"].used_by == ("virtio_pci", "virtio_console")
    assert modules["builtin"].users is None


def test_this_machine_s_kernel() -> None:
    assert read_version(LOCAL).release == os.uname().release
    assert read_filesystems(LOCAL)["proc"] is False
    assert read_file_nr(LOCAL).maximum == read_file_max(LOCAL)
    assert all(module.size > 0 for module in read_modules(LOCAL).values())


def test_file_counts() -> None:
    files = FakeFiles({"/proc/sys/fs/file-nr": "483\t0\t2465610\n", "/proc/sys/fs/file-max": "2465610\n"})
    assert read_file_nr(files) == OpenFiles(483, 0, 2465610)
    assert read_file_max(files) == 2465610


def test_config() -> None:
    text = '# CONFIG_KPROBES is not set\nCONFIG_DEBUG_FS=y\nCONFIG_ANDROID_BINDER_DEVICES="binder,hwbinder"\n'
    files = FakeFiles({"/proc/config.gz": gzip.compress(text.encode())})
    expected = {"CONFIG_DEBUG_FS": "y", "CONFIG_ANDROID_BINDER_DEVICES": "binder,hwbinder"}
    assert read_config(files) == expected
    assert read_config(FakeFiles()) is None


@pytest.mark.parametrize("name", ["binder", "rust_binder"])
def test_the_major_of_binderfs_is_found_with_either_driver(name: str) -> None:
    text = f"Character devices:\n 10 misc\n243 {name}\n\nBlock devices:\n 7 loop\n"
    assert parse_devices(text).binder_majors == {243}
