"""Gets an AVD that can be rooted with the SDK's own `sdkmanager` and `avdmanager`, on this machine.

Facts from platform/tools/base, sdklib (2020 to 2024): sdkmanager/SdkManagerCli.java, installPackages, shows
the licence of each package, asks on standard input, and ends with status 0 where the user declines; its
successor of 2026, the Android CLI behind the same name, ends with 0 for a package that does not exist, too.
So what counts is what is on the disk afterwards. AvdManagerCli.java, createAvd, asks about custom hardware
unless a device is given. The emulator takes a directory for an SDK only where it holds `platforms` and
`platform-tools` (platform/external/qemu, ConfigDirs.cpp, isValidSdkRoot).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from emulator.base.command import run
from emulator.base.errors import SetupError, UsageError
from emulator.base.progress import report
from emulator.host.this_machine import ThisMachine
from emulator.kinds.sdk.avd import find_avd
from emulator.kinds.sdk.device import boot_once, find_emulator
from emulator.kinds.sdk.program import list_avds

TOOLS = "cmdline-tools/latest/bin"
DEVICE = "pixel"
"""A device definition that every avdmanager has."""
CREATED_WITHIN = 300.0
FIRST_16K_API = 35
"""developer.android.com/guide/practices/page-sizes: images with pages of 16 KiB exist from Android 15 on."""
HOW_TO_HAVE_TOOLS = (
    "Download “Command line tools only” from developer.android.com/studio#command-line-tools-only, unpack it "
    f"so that $ANDROID_HOME/{TOOLS}/sdkmanager exists (the archive's directory cmdline-tools becomes "
    "cmdline-tools/latest). It needs Java: sudo apt-get install default-jre-headless. Then export "
    "ANDROID_HOME=DIRECTORY."
)


@dataclass(frozen=True, slots=True)
class AvdRequest:
    """Which AVD is wanted. UsageError for pages of 16 KiB on a release that has no such image."""

    api: int
    """The API level, such as 35 for Android 15."""
    abi: str
    """x86_64 or arm64-v8a."""
    pages_16k: bool

    def __post_init__(self) -> None:
        if self.pages_16k and self.api < FIRST_16K_API:
            raise UsageError(
                f"Images with pages of 16 KiB exist from API {FIRST_16K_API} on, not for {self.api}."
            )

    @property
    def name(self) -> str:
        """The name of the AVD, which is the harness's own."""
        return f"binder_harness_{self.api}_{self.abi}{'_16k' if self.pages_16k else ''}"

    @property
    def image(self) -> str:
        """Its package: `google_apis` images are userdebug builds, those with the Play Store are not."""
        return f"system-images;android-{self.api};google_apis{'_ps16k' if self.pages_16k else ''};{self.abi}"


@dataclass(frozen=True, slots=True)
class SdkTools:
    """The SDK and its two command line tools."""

    sdk: Path
    sdkmanager: str
    avdmanager: str

    def lacks(self, package: str) -> bool:
        """Whether a package is not installed: its path has the directories that its name has."""
        directory = self.sdk.joinpath(*package.split(";"))
        return not directory.is_dir() or not any(directory.iterdir())


def find_tools() -> SdkTools:
    """The tools below $ANDROID_HOME or $ANDROID_SDK_ROOT, or on the PATH; SetupError where they are not."""
    root = os.environ.get("ANDROID_HOME") or os.environ.get("ANDROID_SDK_ROOT")
    found = []
    for name in ("sdkmanager", "avdmanager"):
        tool = (shutil.which(f"{root}/{TOOLS}/{name}") if root else None) or shutil.which(name)
        if tool is None:
            raise SetupError(f"The Android SDK's {name} is missing. {HOW_TO_HAVE_TOOLS}")
        found.append(tool)
    sdkmanager, avdmanager = found
    # SDK/cmdline-tools/VERSION/bin/sdkmanager, as SdkManagerCli itself finds its SDK. Debian's is elsewhere.
    around = Path(sdkmanager).resolve().parents
    if root is None and (len(around) < 4 or around[2].name != "cmdline-tools"):
        raise SetupError(f"{sdkmanager} is in no SDK. {HOW_TO_HAVE_TOOLS}")
    return SdkTools(Path(root) if root else around[3], sdkmanager, avdmanager)


def get_avd(request: AvdRequest) -> str:
    """Install what an AVD needs, make it, boot it once; the target to use. What is there already stays.

    sdkmanager shows licences on the terminal, and the user accepts or declines them there. Raises
    SetupError where a package or a tool is missing in the end, DeviceLostError where the AVD does not boot.
    """
    tools, here = find_tools(), ThisMachine()
    missing = [name for name in ("platform-tools", "emulator", request.image) if tools.lacks(name)]
    if missing:
        _install(tools, missing)
    (tools.sdk / "platforms").mkdir(exist_ok=True)
    # Without $ANDROID_HOME the emulator would not be found where the tools are on the PATH.
    os.environ.setdefault("ANDROID_HOME", str(tools.sdk))
    emulator = find_emulator(here)
    if request.name not in list_avds(here, emulator.program):
        create = ["create", "avd", "--name", request.name, "--package", request.image, "--device", DEVICE]
        run([tools.avdmanager, *create], seconds=CREATED_WITHIN, needs=HOW_TO_HAVE_TOOLS)
    avd = find_avd(here, request.name)
    if not avd.booted:
        boot_once(emulator, avd)
    return f"avd:{request.name}"


def _install(tools: SdkTools, packages: list[str]) -> None:
    report(
        f"installing {', '.join(packages)} into {tools.sdk}: an image is a download of 1 to 2 GB and takes "
        "up to 10 GB on the disk. The SDK's sdkmanager shows its licence and asks you."
    )
    command = [tools.sdkmanager, f"--sdk_root={tools.sdk}", *packages]
    status = subprocess.run(command, check=False).returncode
    missing = [name for name in packages if tools.lacks(name)]
    if missing:
        raise SetupError(
            f"`{shlex.join(command)}` ended with status {status} and did not install {', '.join(missing)}: "
            "the licence was not accepted, the download failed, or there is no such package. "
            f"`{tools.sdkmanager} --list` shows which there are."
        )
