"""Stands in for the SDK's `sdkmanager` and `avdmanager`; written from platform/tools/base, sdklib.

- sdkmanager/SdkManagerCli.java, installPackages and checkLicenses: the licence is shown and asked for
  unless the SDK's licenses/ has it; declined, the packages are named and nothing is installed. The status
  is then 0, as it is for a package that does not exist with the Android CLI of 2026 behind the name, whose
  warning it prints.
- AvdManagerCli.java, createAvd: an unknown package and an existing AVD are errors; without --device it
  asks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.emulator.doubles.sdk_files import IMAGE, add_emulator, add_image, make_avd

KNOWN = ("platform-tools", "emulator", IMAGE.rstrip("/").replace("/", ";"))


def sdkmanager(words: list[str]) -> int:
    print("WARNING: The SDK Manager CLI tool (sdkmanager) is deprecated.", file=sys.stderr)
    root, *packages = words
    sdk = Path(root.removeprefix("--sdk_root="))
    for package in packages:
        if package not in KNOWN:
            print(f"Package {package} not found.")
            return 0
    accepted = sdk / "licenses" / "android-sdk-license"
    if not accepted.exists():
        print("License android-sdk-license:\n---------------------------------------\nTerms and Conditions")
        print("Accept? (y/N): ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("Skipping following packages as the license is not accepted:", *packages, sep="\n")
            return 0
        accepted.parent.mkdir()
        accepted.touch()
    for package in packages:
        if package == "emulator":
            add_emulator(sdk)
        elif package == "platform-tools":
            (sdk / package).mkdir()
            (sdk / package / "adb").touch()
        else:
            add_image(sdk)
    return 0


def avdmanager(words: list[str]) -> int:
    match words:
        case ["create", "avd", "--name", name, "--package", package, "--device", "pixel"]:
            home = Path.home()
            if not (Path(os.environ["ANDROID_HOME"]) / package.replace(";", "/")).is_dir():
                print("Error: Package path is not valid. Valid system image paths are:", file=sys.stderr)
                return 1
            if (home / ".android" / "avd" / f"{name}.ini").exists():
                print(f"Error: Android Virtual Device '{name}' already exists.", file=sys.stderr)
                return 1
            make_avd(home, name, booted=False)
            return 0
        case _:
            print("Do you wish to create a custom hardware profile? [no]")
            return 1


if __name__ == "__main__":
    sys.exit({"sdkmanager": sdkmanager, "avdmanager": avdmanager}[sys.argv[1]](sys.argv[2:]))
