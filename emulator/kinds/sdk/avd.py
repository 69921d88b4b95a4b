"""An AVD as it lies on a host's disk: its files, what they say about it, and how its ini files are read.

Facts from platform/external/qemu (the SDK's emulator, 2024): ConfigDirs.cpp, getAvdRootDirectory, for where
AVDs are; avd/info.c, _avdInfo_getContentPath, for the two ini files; QemuMiscPipe.cpp,
qemuMiscPipeDecodeAndExecute, for `bootcompleted.ini`, which the emulator creates empty when Android reports
that it has booted.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.base.command import script
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.host.host import Host, check_output, on

ANSWERS_WITHIN = 30.0
CONFIG = "config.ini"
BOOTED = "bootcompleted.ini"
SNAPSHOTS = "snapshots"
USER_BUILD_TAG = "playstore"
"""Part of the tag of every image with the Play Store, such as google_apis_playstore_ps16k."""

# $1: a file's name; the rest: directories. The first directory that has the file.
FIND = 'name=$1; shift; for d; do if [ -f "$d/$name" ]; then printf %s "$d"; exit; fi; done; exit 1'


@dataclass(frozen=True, slots=True)
class Avd:
    """What the files of an AVD say."""

    name: str
    home: str
    """The directory of NAME.ini, as in ANDROID_AVD_HOME."""
    directory: str
    """Its content: disks, config.ini, snapshots. An absolute path without links."""
    ini: Mapping[str, str]
    """NAME.ini, which says where the directory is."""
    config: Mapping[str, str]
    """config.ini, its hardware and its system image."""
    files: frozenset[str]
    """The names in the directory."""
    snapshots: tuple[str, ...]

    @property
    def booted(self) -> bool:
        """Whether Android booted to the end when the emulator last ran it: the next boot is no first one."""
        return BOOTED in self.files

    @property
    def user_build(self) -> bool:
        """Whether its image is a `user` build, whose adbd never becomes root: one with the Play Store."""
        tags = self.config.get("tag.id", ""), self.config.get("tag.ids", "")
        return self.config.get("PlayStore.enabled", "").lower() in ("true", "yes") or any(
            USER_BUILD_TAG in tag for tag in tags
        )


def find_avd(host: Host, name: str) -> Avd:
    """The AVD of that name, which the emulator lists; SetupError where its files are not to be found."""
    return avd_below(host, name, avd_homes(host))


def avd_below(host: Host, name: str, homes: list[str]) -> Avd:
    """The AVD of that name in the first of these directories that has it; SetupError where none has."""
    home = _first_with(host, f"{name}.ini", homes)
    if home is None:
        raise SetupError(
            f"The files of the AVD {name!r} are not to be found{on(host)}: {name}.ini is in none of "
            f"{', '.join(homes)}. Set ANDROID_AVD_HOME to the directory that holds it."
        )
    ini = parse_ini(check_output(host, ["cat", f"{home}/{name}.ini"], ANSWERS_WITHIN))
    # As in info.c: path.rel, from the directory above, only where the path is none.
    relative = ini.get("path.rel", f"{posixpath.basename(home)}/{name}.avd")
    places = [ini.get("path", ""), posixpath.join(posixpath.dirname(home), relative)]
    directory = _first_with(host, CONFIG, [place for place in places if place])
    if directory is None:
        raise SetupError(
            f"The AVD {name!r} is damaged{on(host)}: {home}/{name}.ini says that its files are in "
            f"{places[0]}, and there is no {CONFIG} there. "
            "Create it again with `avdmanager create avd --force`."
        )
    return _read(host, name, home, directory, ini)


def _read(host: Host, name: str, home: str, directory: str, ini: Mapping[str, str]) -> Avd:
    config = parse_ini(check_output(host, ["cat", f"{directory}/{CONFIG}"], ANSWERS_WITHIN))
    look = script(__file__, "look.sh", directory)
    content, *found = check_output(host, look, ANSWERS_WITHIN).split("\0")[:-1]
    snapshots = [entry for entry in found if entry.startswith(f"{SNAPSHOTS}/") and "*" not in entry]
    return Avd(
        name,
        home,
        content,
        ini,
        config,
        frozenset(entry for entry in found if "/" not in entry),
        tuple(snapshot.removeprefix(f"{SNAPSHOTS}/").rstrip("/") for snapshot in snapshots),
    )


def _first_with(host: Host, file: str, directories: list[str]) -> str | None:
    command = ["sh", "-c", FIND, "sh", file, *directories]
    found = host.run(command, deadline=Deadline(ANSWERS_WITHIN))
    return found.output if found.status == 0 else None


def parse_ini(text: str) -> dict[str, str]:
    """The keys and values of an ini file of the emulator's. Of two equal keys the last one counts.

    Lines without an equals sign, and those that begin with # or ;, say nothing
    (android/base/files/IniFile.cpp, parseStream).
    """
    values = {}
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        if separator and key.strip() and not key.lstrip().startswith(("#", ";")):
            values[key.strip()] = value.strip()
    return values


def ini_text(values: Mapping[str, str]) -> str:
    """An ini file with these keys and values."""
    return "".join(f"{key}={value}\n" for key, value in values.items())


def avd_homes(host: Host) -> list[str]:
    """Where the emulator looks for AVDs, in its order."""
    homes = [host.variable("ANDROID_AVD_HOME")]
    for variable in ("ANDROID_PREFS_ROOT", "ANDROID_SDK_HOME"):
        root = host.variable(variable)
        homes += [f"{root}/avd", f"{root}/.android/avd"] if root else []
    for variable in ("TEST_TMPDIR", "USER_HOME", "HOME"):
        root = host.variable(variable)
        homes += [f"{root}/.android/avd"] if root else []
    for variable in ("ANDROID_EMULATOR_HOME", "ANDROID_USER_HOME"):
        root = host.variable(variable)
        homes += [f"{root}/avd"] if root else []
    return [home for home in homes if home]
