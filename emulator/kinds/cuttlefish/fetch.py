"""Downloads a public Cuttlefish build, host tools and images that fit together, with Google's `cvd fetch`."""

from __future__ import annotations

import re

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError, UsageError
from emulator.base.lines import last_lines
from emulator.base.progress import report, step
from emulator.host.host import Host, check_output, on
from emulator.kinds.cuttlefish.artifacts import find_artifacts
from emulator.target import Target, parse_target

BRANCH = "aosp-android-latest-release"
"""The branch of the examples in `cvd help` (android-cuttlefish 1.57, commands/cvd/cli/commands/help.cpp)."""
PHONES = {"x86_64": "aosp_cf_x86_64_only_phone-userdebug", "aarch64": "aosp_cf_arm64_only_phone-userdebug"}
"""AOSP's target for a phone, by `uname -m`; userdebug builds can be rooted. The default of `cvd fetch` is the
one for x86-64 on any machine (commands/cvd/fetch/fetch_cvd_parser.h, kDefaultBuildTarget)."""
BUILD = re.compile(r"[\w.-]+(/[\w.-]+)?")
"""A branch or a number of a build, and a target (host/libs/web/android_build_string.h)."""
FETCHES_WITHIN = 4 * 3600.0
ANSWERS_WITHIN = 20.0


def fetch_cuttlefish(host: Host, build: str = "", directory: str = "") -> Target:
    """Download a build and return the target that starts it.

    `build` is BRANCH, BRANCH/TARGET or ID/TARGET; without one, AOSP's latest release for a phone. `directory`
    is an absolute path there; without one, a directory of ours, which is kept until the user removes it. What
    was downloaded before comes from cvd's own cache.

    Raises UsageError for what is no build, SetupError where `cvd` is missing or fails.
    """
    if build and not BUILD.fullmatch(build):
        raise UsageError(f"--build takes BRANCH, BRANCH/TARGET or ID/TARGET, not {build!r}.")
    if directory and not directory.startswith("/"):
        raise UsageError(f"--directory takes an absolute path, not {directory!r}.")
    if host.find("cvd") is None:
        raise SetupError(
            f"`cvd fetch` downloads Cuttlefish, and there is no cvd on the PATH{on(host)}. Install Google's "
            "package cuttlefish-base: github.com/google/android-cuttlefish names its apt repository."
        )
    build = whole_build(build or BRANCH, check_output(host, ["uname", "-m"], ANSWERS_WITHIN).strip())
    directory = directory or f"{host.directory}/cuttlefish-images/{build.replace('/', '-')}"
    if build.endswith("-user"):
        report(f"{build} is a user build: adb root is refused there, and most evidence needs root.")
    check_output(host, ["mkdir", "-p", directory], ANSWERS_WITHIN)
    report(
        f"cvd shows no size before it downloads; {_free(host, directory)} GB are free. It logs to "
        f"{directory}/fetch.log{on(host)}."
    )
    with step(f"fetching {build} into {directory}{on(host)}"):
        command = ["cvd", "fetch", f"--default_build={build}", f"--target_directory={directory}"]
        finished = host.run(command, deadline=Deadline(FETCHES_WITHIN))
    if finished.status != 0:
        failure = f"`{' '.join(command)}`{on(host)} {finished.failure(FETCHES_WITHIN)}"
        raise SetupError(f"{failure}:\n{last_lines(finished.errors)}")
    find_artifacts(host, directory)
    target = parse_target("cuttlefish").with_option("host_path", directory)
    return target.with_option("host", host.address) if host.address else target


def whole_build(build: str, machine: str) -> str:
    """The build with a target, which for one without is AOSP's phone for a machine that `uname -m` names so.

    Raises SetupError for a machine that AOSP has no phone for.
    """
    if "/" in build:
        return build
    if machine not in PHONES:
        raise SetupError(
            f"AOSP has no Cuttlefish phone for {machine}: name a target, with --build {build}/TARGET."
        )
    return f"{build}/{PHONES[machine]}"


def _free(host: Host, directory: str) -> str:
    row = check_output(host, ["df", "-P", "-k", directory], ANSWERS_WITHIN).splitlines()[-1]
    return f"{int(row.split()[3]) / 1e6:,.1f}"
