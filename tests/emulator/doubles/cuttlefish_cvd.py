"""Stands in for `cvd`, on a machine that has no Cuttlefish.

What it imitates, of google/android-cuttlefish 1.57, below base/cvd/cuttlefish/host:

- Errors end it with -1, after a reminder on standard error (commands/cvd/main.cc, main).
- The selector before the command (commands/cvd/cli/selector/selector_common_parser.cpp), and how it selects:
  without one, the only group (selector.cpp, SelectGroup; there is no menu without a terminal).
- `create` and `start` need the groups cvdnetwork and kvm (commands/cvd/cvd.cpp, EnforceHostConfigured;
  libs/vm_manager/host_configuration.cpp).
- `create`: defaults of host_path and product_path, the check of the host tools, a name that is taken,
  --reuse with any group that fits the selector (commands/cvd/cli/commands/create.cpp); what it does not know
  goes to the launcher (start.cpp, LaunchDevice), whose output goes to standard error; the group's status as
  JSON on standard output where standard input is no terminal (start.cpp, Handle).
- A start that fails leaves the group, as Boot Failed (start.cpp, LaunchDeviceInterruptible).
- A group's home is $HOME where that is not the home of the password database, linked from a directory of
  cvd's own (selector/creation_analyzer.cpp, HomeFromEnvironment; instances/instance_manager.cpp).
- `status --print`: an object for a group, an array with a selector of instances (commands/status.cpp,
  instances/local_instance_group.cpp, FetchStatus; instances/status_fetcher.cpp, OverrideInstanceJson).
- `remove` stops a running group with its host tools' stop_cvd, then removes it (commands/remove.cpp).
- `fetch` fails for a build that there is not, and leaves host tools, images, fetch.log and
  fetcher_config.json in one directory (commands/cvd/fetch/fetch_cvd.cc, fetch_cvd_parser.cc).

With `--without-create` first, it is one of old host tools. $CUTTLEFISH_DOUBLE_STATE is the directory that is
/var/tmp/cvd/UID really; $CUTTLEFISH_DOUBLE_GROUPS, if set, the groups of a user outside containers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.emulator.doubles.cuttlefish_host_package import host_package
from tests.emulator.doubles.cuttlefish_host_tools import STARTED_BY_CVD, port

NO_HOST_TOOLS = "Could not find the required host tools to launch a device."
REMINDER = "    If the error above is unclear, please copy the text and `cvd version` output into an issue"
NO_SUCH_BUILD = "no-such-branch"
Group = dict[str, Any]


class CvdError(Exception):
    """What cvd reports as an error."""


def cvd(words: list[str], *, has_create: bool) -> None:
    selector: dict[str, str] = {}
    while words and (match := re.fullmatch(r"--(group_name|instance_name)=([\w,-]+)", words[0])):
        selector[match[1]] = match[2]
        words = words[1:]
    match words:
        case ["help", "create"] if has_create:
            print("cvd create - Create a Cuttlefish instance group\n\nUsage:")
            print("  cvd create [--product_path=PATH] [--host_path=PATH] [--[no]start] [START_ARGS]")
        case ["create", *flags] if has_create:
            create(flags, selector)
        case ["status", *flags]:
            only(flags, r"--print|--wait_for_launcher=\d+")
            status = group_status(selected(selector, "status"))
            if "--print" in flags:
                print(json.dumps(status["instances"] if "instance_name" in selector else status, indent=3))
        case ["restart", *flags]:
            only(flags, r"--wait_for_launcher=\d+|--boot_timeout=\d+")
            group = selected(selector, "restart")
            run_tool(group, "stop_cvd", "--wait_for_launcher=5")
            launch(group, [])
        case ["remove" | "rm", *flags]:
            only(flags, "(?!)")
            remove(selected(selector, "remove"))
        case ["fetch", *flags]:
            fetch(flags)
        case _:
            raise CvdError(f"Unable to find a handler for {words}")


def create(words: list[str], selector: Mapping[str, str]) -> None:
    check_groups()
    flags, rest = {"host_path": default_path(), "product_path": default_product(), "reuse": "false"}, []
    numbers = "instance_nums|base_instance_num|num_instances"
    for word in words:
        match = re.fullmatch(rf"--(host_path|product_path|reuse|start|{numbers})=(.*)", word)
        if match:
            flags[match[1]] = match[2]
        elif not re.fullmatch(r"--daemon(=true)?", word):
            rest.append(word)
    if launcher_of(flags["host_path"]) is None:
        raise CvdError(NO_HOST_TOOLS)
    existing = [group for group in groups().values() if selects(selector, group)]
    if flags["reuse"] == "true" and existing:
        name = existing[0]["group_name"]
        if existing[0]["state"] == "Running":
            raise CvdError("Group is already running, try `cvd stop`")
        launch(existing[0], rest)
    else:
        number = flags.get("instance_nums") or flags.get("base_instance_num")
        name = selector.get("group_name", f"cvd-{len(groups()) + 1}")
        if name in groups():
            raise CvdError(f"Group named '{name}' already exists")
        (own := state_directory() / name).mkdir(parents=True)
        (own / "home").symlink_to(os.environ["HOME"])
        group = {
            "group_name": name,
            "home": str(own / "home"),
            "host_path": os.path.abspath(flags["host_path"]),
            "product_path": os.path.abspath(flags["product_path"]),
            "instance": int(number) if number else free_number(),
            "state": "Stopped",
        }
        launch(group, rest)
    print(json.dumps(group_status(selected({"group_name": name}, "create")), indent=3))


def check_groups() -> None:
    listed = os.environ.get("CUTTLEFISH_DOUBLE_GROUPS")
    if listed is None:
        return
    needed = ["cvdnetwork", *([] if os.access("/dev/kvm", os.R_OK | os.W_OK) else ["kvm"])]
    if set(needed) - set(listed.split()):
        print("Host configuration requirements not met.  Run `cvd setup`", file=sys.stderr)
        raise CvdError("Host configuration is invalid.")


def default_path() -> str:
    names = ("ANDROID_HOST_OUT", "ANDROID_SOONG_HOST_OUT", "HOME")
    return next((os.environ[name] for name in names if name in os.environ), ".")


def default_product() -> str:
    return next((os.environ[name] for name in ("ANDROID_PRODUCT_OUT", "HOME") if name in os.environ), ".")


def launcher_of(host_path: str) -> str | None:
    names = ("cvd_internal_start", "launch_cvd")
    return next((name for name in names if Path(host_path, "bin", name).exists()), None)


def launch(group: Group, rest: list[str]) -> None:
    """Start the group's instance by its host tools."""
    number = group["instance"]
    store(group | {"state": "Starting"})
    numbers = ["--num_instances=1", f"--base_instance_num={number}"]
    name = f"--webrtc_device_id={group['group_name']}-{number}-{number}"
    launcher = launcher_of(group["host_path"])
    assert launcher
    status = run_tool(group, launcher, *rest, "--daemon=true", *numbers, name)
    store(group | {"state": "Running" if status == 0 else "Boot Failed"})
    if status != 0:
        raise CvdError(f"Device launch failed with status {status}")


def run_tool(group: Group, tool: str, *words: str) -> int:
    environment = {
        **os.environ,
        "HOME": group["home"],
        "ANDROID_HOST_OUT": group["host_path"],
        "ANDROID_PRODUCT_OUT": group["product_path"],
        "CUTTLEFISH_INSTANCE": str(group["instance"]),
        STARTED_BY_CVD: "true",
    }
    command = [f"{group['host_path']}/bin/{tool}", *words]
    return subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode


def remove(group: Group) -> None:
    if group["state"] in ("Running", "Starting"):
        flags = ("--wait_for_launcher=5", "--clear_instance_dirs")
        if run_tool(group, "stop_cvd", *flags) != 0:
            raise CvdError("Group still contains active instances")
    shutil.rmtree(state_directory() / group["group_name"])


def fetch(words: list[str]) -> None:
    only(words, r"--(default_build|target_directory|host_package_build|system_build|kernel_build)=.+")
    flags = {key[2:]: value for key, _, value in (word.partition("=") for word in words)}
    build = flags.get("default_build", "")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", build) or NO_SUCH_BUILD in build:
        raise CvdError(f"Unable to find build for {build!r}")
    directory = Path(flags.get("target_directory", "."))
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "bin").exists():
        host_package(directory, of_2026=True)
    (directory / "fetch.log").write_text(f"fetched {build}\n")
    (directory / "fetcher_config.json").write_text(json.dumps({"cvd_config": {"build": build}}))


def group_status(group: Group) -> dict[str, object]:
    number = group["instance"]
    instance: dict[str, object] = {
        "instance_name": str(number),
        "status": group["state"],
        "assembly_dir": f"{group['home']}/cuttlefish/assembly",
        "instance_dir": f"{group['home']}/cuttlefish/instances/cvd-{number}",
    }
    if group["state"] == "Running":
        instance |= {"adb_port": port(number), "adb_serial": f"127.0.0.1:{port(number)}"}
    shown = {"group_name": group["group_name"], "metrics_dir": f"{group['home']}/metrics"}
    return {**shown, "start_time": "2026-06-12 03:00:09", "instances": [instance]}


def selects(selector: Mapping[str, str], group: Group) -> bool:
    names = {"group_name": group["group_name"], "instance_name": str(group["instance"])}
    return all(names[key] == value for key, value in selector.items())


def selected(selector: Mapping[str, str], command: str) -> Group:
    if not groups():
        raise CvdError(f"Command `{command}` is not applicable: no devices present")
    found = [group for group in groups().values() if selects(selector, group)]
    if len(found) != 1:
        raise CvdError("Multiple groups found." if found else "No instance groups available")
    return found[0]


def groups() -> dict[str, Group]:
    files = sorted(state_directory().glob("*/group.json"))
    return {file.parent.name: json.loads(file.read_text()) for file in files}


def store(group: Group) -> None:
    (state_directory() / group["group_name"] / "group.json").write_text(json.dumps(group))


def state_directory() -> Path:
    return Path(os.environ["CUTTLEFISH_DOUBLE_STATE"])


def free_number() -> int:
    taken = [group["instance"] for group in groups().values()]
    return next(number for number in range(1, 100) if number not in taken)


def only(words: list[str], valid: str) -> None:
    for word in words:
        if not re.fullmatch(valid, word):
            raise CvdError(f"unexpected argument: {word}")


if __name__ == "__main__":
    given = sys.argv[1:]
    old = given[:1] == ["--without-create"]
    try:
        cvd(given[old:], has_create=not old)
    except CvdError as error:
        print(f"{error}\n\n{REMINDER}", file=sys.stderr)
        sys.exit(-1)
