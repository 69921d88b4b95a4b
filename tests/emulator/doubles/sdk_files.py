"""Files of an SDK and of its AVDs, laid out as the SDK's own tools lay them out.

An AVD's: sdklib's AvdManager.java, createAvd (NAME.ini with path and path.rel, config.ini with
image.sysdir.1 relative to the SDK). A started one's: avd/info.c (multiinstance.lock, hardware-qemu.ini),
snapshot/Snapshot.cpp (snapshots/NAME with a copy of hardware-qemu.ini).
"""

from __future__ import annotations

from pathlib import Path

from tests.emulator.doubles import install, sdk_disks

IMAGE = "system-images/android-35/google_apis/x86_64/"
VERSION = "7"
"""Of that image: ro.build.version.incremental (avd/info.c, _avdInfo_extractBuildProperties)."""


def make_sdk(root: Path) -> str:
    """An SDK with the doubles in it; how the command line of its emulator's process begins."""
    for needed in ("platforms", "platform-tools"):
        (root / needed).mkdir(parents=True)
    add_image(root)
    return add_emulator(root)


def add_image(root: Path) -> None:
    """The system image of an SDK."""
    (root / IMAGE).mkdir(parents=True)
    (root / IMAGE / "build.prop").write_text(f"ro.build.version.incremental={VERSION}\n")


def add_emulator(root: Path) -> str:
    """The emulator of an SDK, with its qemu-img; how the command line of its process begins."""
    install(root / "emulator" / "qemu-img", "qemu_img")
    return install(root / "emulator" / "emulator", "sdk_emulator")


def make_avd(home: Path, name: str, *, booted: bool = True, **config: str) -> Path:
    """An AVD in a home directory; one that has booted has the snapshot default_boot, too."""
    content = home / ".android" / "avd" / f"{name}.avd"
    content.mkdir(parents=True)
    ini = {
        "avd.ini.encoding": "UTF-8",
        "path": str(content),
        "path.rel": f"avd/{name}.avd",
        "target": "android-35",
    }
    settings = {
        "avd.id": name,
        "image.sysdir.1": IMAGE,
        "tag.id": "google_apis",
        "PlayStore.enabled": "no",
        **config,
    }
    (content.parent / f"{name}.ini").write_text("".join(f"{key}={value}\n" for key, value in ini.items()))
    (content / "config.ini").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    if booted:
        (content / "bootcompleted.ini").touch()
        (content / "multiinstance.lock").touch()
        (content / sdk_disks.VERSION).write_text(f"{VERSION}\n")
        (content / sdk_disks.IMAGE).write_text("first-boot")
        # Its owner went on after the snapshot: rolling the disk back to it would lose that.
        disk = sdk_disks.Disk(marks=["first-boot", "owner's"], snapshots={"default_boot": ["first-boot"]})
        sdk_disks.write(content / sdk_disks.DISK, disk)
        (content / "hardware-qemu.ini").write_text(
            f"avd.name={name}\ndisk.dataPartition.path={content}/userdata\n"
        )
        add_snapshot(content, "default_boot", name)
    return content


def add_snapshot(content: Path, snapshot: str, name: str) -> None:
    """A snapshot's own directory; its disks are in the disk."""
    (content / "snapshots" / snapshot).mkdir(parents=True)
    (content / "snapshots" / snapshot / "hardware.ini").write_text(f"avd.name={name}\n")


def files_of(content: Path) -> dict[str, bytes]:
    """Every file of an AVD with its content."""
    return {
        str(file.relative_to(content)): file.read_bytes() for file in content.rglob("*") if file.is_file()
    }
