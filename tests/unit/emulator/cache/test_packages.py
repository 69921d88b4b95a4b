from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import SetupError
from emulator.cache.network import NoNetworkError
from emulator.cache.package_index import (
    PackageIndex,
    Suites,
    apt_directory,
    package_index,
    with_sources,
)
from emulator.cache.packages import forget_version, recorded_version, unpack, version_in
from emulator.cache.remedies import remedy

POLICY = """\
busybox-static:
  Installed: (none)
  Candidate: 1:1.35.0-4+deb12u1+b1
  Version table:
     1:1.35.0-4+deb12u1+b1 500
        500 http://mirror.example/debian bookworm/main arm64 Packages
binutils-for-build:
  Installed: (none)
  Candidate: (none)
  Version table:
libc6-dev:
  Installed: (none)
  Candidate: 2.36-9+deb12u14
  Version table:
     2.36-9+deb12u14 500
        500 http://mirror.example/debian bookworm/main arm64 Packages
"""
DEPENDS = """\
libc++-dev
  Depends: libc++-14-dev
libc++-14-dev
  Depends: libc++1-14
 |Depends: libunwind-14-dev
  Depends: <libunwind-x.y-dev>
libc++1-14
<libunwind-x.y-dev>
libunwind-14-dev
"""


def test_stanzas_get_source_packages_and_keep_everything_else() -> None:
    text = (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    assert with_sources(text, one_line=False) == text.replace("Types: deb", "Types: deb deb-src")


def test_stanzas_that_have_source_packages_stay_as_they_are() -> None:
    text = "Types: deb deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n"
    assert with_sources(text, one_line=False) == text


def test_one_line_entries_get_source_packages_beside_them() -> None:
    text = (
        "# deb http://mirror.example/off bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n"
        "deb-src http://mirror.example/debian bookworm main\n"
    )
    assert with_sources(text, one_line=True).splitlines() == [
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib",
        "deb-src [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib",
    ]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run, each answered with apt's output."""
    ran: list[list[str]] = []

    def answer(command: Sequence[str | Path], **_options: object) -> str:
        ran.append([str(word) for word in command])
        return POLICY if "policy" in command else DEPENDS

    monkeypatch.setattr("emulator.cache.package_index.run", answer)
    return ran


def test_an_index_does_not_depend_on_this_machine(tmp_path: Path, commands: list[list[str]]) -> None:
    PackageIndex(tmp_path, AARCH64).version("busybox-static")
    (command,) = commands
    assert {
        "-oAPT::Architecture=arm64",
        "-oAPT::Architectures=arm64",
        f"-oDir::State={tmp_path}/state",
        "-oDir::State::status=/dev/null",
    } <= set(command)


def test_versions_are_those_of_the_packages_that_the_index_has(
    tmp_path: Path, commands: list[list[str]]
) -> None:
    names = ["busybox-static", "binutils-for-build", "libc6-dev"]
    assert PackageIndex(tmp_path, AARCH64).versions(names) == {
        "busybox-static": "1:1.35.0-4+deb12u1+b1",
        "libc6-dev": "2.36-9+deb12u14",
    }
    assert commands[0][-3:] == names


def test_a_package_that_the_index_lacks_has_no_version(tmp_path: Path, commands: list[list[str]]) -> None:
    assert PackageIndex(tmp_path, AARCH64).version("binutils-for-build") is None
    assert "binutils-for-build" in commands[0]


def test_a_closure_holds_the_packages_that_match_and_nothing_virtual(
    tmp_path: Path, commands: list[list[str]]
) -> None:
    index = PackageIndex(tmp_path, AARCH64)
    assert index.closure(["libc++-dev"], r".*-dev$") == ["libc++-14-dev", "libc++-dev", "libunwind-14-dev"]
    assert "--recurse" in commands[0]


class _Index:
    """Stands in for the private index."""

    def __init__(self) -> None:
        self.offered: str | None = "1"
        self.network = True
        self.root = Path()
        self.held_by_another: Callable[[], object] | None = None
        """What another run does while this one waits for the index."""

    def refresh(self) -> None:
        if not self.network:
            raise SetupError("Is the network reachable?")

    def download_all(self, packages: Sequence[str], directory: Path) -> list[Path]:
        raise SetupError(f"there is no {' '.join(packages)} for {directory.name}")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Index:
    index = _Index()

    @contextlib.contextmanager
    def package_index(
        architecture: Architecture, suites: Suites = (), *, of_sources: bool = False
    ) -> Iterator[_Index]:
        index.root = apt_directory(architecture, suites, of_sources=of_sources)
        other, index.held_by_another = index.held_by_another, None
        if other is not None:
            other()
        yield index

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("emulator.cache.packages.package_index", package_index)
    return index


def test_a_version_is_recorded_for_each_architecture(index: _Index) -> None:
    def ask(_index: object) -> str | None:
        return index.offered

    assert recorded_version("thing", ask, AARCH64) == "1"
    index.offered = "2"
    assert recorded_version("thing", ask, AARCH64) == "1"
    assert recorded_version("thing", ask, X86_64) == "2"
    forget_version("thing", cast(PackageIndex, index))
    index.offered = None
    assert recorded_version("thing", ask, AARCH64) == "1"
    with pytest.raises(SetupError, match="offer no thing for amd64"):
        recorded_version("thing", ask, X86_64)


@pytest.mark.parametrize(("network", "later"), [(True, "2"), (False, "1")])
def test_a_version_that_is_no_longer_available_is_removed_from_the_record(
    tmp_path: Path, index: _Index, network: bool, later: str
) -> None:
    assert recorded_version("thing", lambda _: "1", AARCH64) == "1"
    index.network = network
    with pytest.raises(SetupError, match="there is no thing=1"):
        unpack("thing", ["thing=1"], tmp_path / "target", AARCH64)
    assert recorded_version("thing", lambda _: "2", AARCH64) == later


def test_versions_that_two_runs_record_at_once_are_both_kept(index: _Index) -> None:
    index.held_by_another = lambda: recorded_version("other", lambda _: "2", AARCH64)
    assert recorded_version("thing", lambda _: "1", AARCH64) == "1"
    assert recorded_version("other", lambda _: "3", AARCH64) == "2"


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("damaged", ["", "{", "[]", "\x00"])
def test_a_damaged_record_counts_as_empty(tmp_path: Path, damaged: str) -> None:
    assert recorded_version("thing", lambda _: "1", AARCH64) == "1"
    (tmp_path / "apt-arm64" / "versions.json").write_text(damaged)
    assert recorded_version("thing", lambda _: "2", AARCH64) == "2"


@pytest.fixture
def unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lists of an index whose only source is a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb http://127.0.0.1:{port}/debian bookworm main\n")
    (tmp_path / "apt.conf").write_text('Acquire::Retries::Delay "false";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("emulator.cache.package_index.SOURCES", sources)
    monkeypatch.setattr("emulator.cache.package_index.SOURCES_PARTS", tmp_path / "none")
    monkeypatch.setattr("emulator.cache.network._failures", [])
    return tmp_path / "apt-amd64/state/lists"


ONE_SENTENCE = r"^Debian's archive cannot be reached: Could not connect to [^\n]* need no network\.$"
"""Apt's own lines have its options, and each file that it did not get."""


def test_an_index_that_could_not_be_fetched_is_not_fresh(unreachable: Path) -> None:
    for _ in range(2):
        with pytest.raises(NoNetworkError, match=ONE_SENTENCE), package_index(X86_64):
            raise AssertionError("there is no index")
    assert not list(unreachable.glob("*_Packages*"))


def test_without_the_network_an_older_index_is_used(
    unreachable: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another attempt would wait for the network once more, and report the same: the next minute has none."""
    unreachable.mkdir(parents=True)
    (unreachable / "mirror.example_debian_dists_bookworm_main_binary-amd64_Packages").touch()
    for again, reported in ((60.0, True), (60.0, False), (0.0, True)):
        monkeypatch.setattr("emulator.cache.network.AGAIN_SECONDS", again)
        with package_index(X86_64) as index:
            assert index.version("nothing") is None
        assert ("an older list of packages is used" in capsys.readouterr().err) == reported


@pytest.mark.usefixtures("index")
def test_a_suite_has_versions_and_a_record_of_its_own() -> None:
    assert version_in("thing", lambda _: "1", AARCH64) == "1"
    assert version_in("thing", lambda _: None, AARCH64, ("stable",)) is None
    assert version_in("thing", lambda _: "2", AARCH64, ("stable",)) == "2"
    assert version_in("thing", lambda _: "3", AARCH64, ("stable",)) == "2"
    assert version_in("thing", lambda _: "4", AARCH64, ("stable",), of_sources=True) == "4"
    assert version_in("thing", lambda _: "5", X86_64, ("stable",), of_sources=True) == "4"
    assert recorded_version("thing", lambda _: "3", AARCH64) == "1"


TARGETS = """\
Debian|Debian-Security|http://mirror.example/debian-security/
Debian Backports|Debian Backports|http://mirror.example/debian/
Debian|Debian|http://mirror.example/debian/
. nodistro|. nodistro|http://elsewhere.example/node/
"""


@pytest.mark.parametrize(("of_sources", "kind"), [(False, "deb"), (True, "deb-src")])
@pytest.mark.parametrize(
    ("suite", "release", "taken"),
    [
        ("stable", "Suite: stable\nCodename: trixie\n", "trixie"),
        ("trixie", "Suite: stable\nCodename: trixie\n", "trixie"),
        ("experimental", "Suite: experimental\nCodename: rc-buggy\n", "experimental"),
    ],
)
def test_a_suite_is_taken_by_its_codename_and_for_its_packages_or_its_sources(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    suite: str,
    release: str,
    taken: str,
    of_sources: bool,
    kind: str,
) -> None:
    def apt(_command: Sequence[str | Path], **_options: object) -> str:
        lists = root / "state/lists"
        (lists / f"mirror.example_debian_dists_{suite}_InRelease").write_text(release)
        (lists / "a_list_Sources").touch()
        return TARGETS

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("emulator.cache.package_index.run", apt)
    root = apt_directory(X86_64, (suite,), of_sources=of_sources)
    of_suite = PackageIndex(root, X86_64, (suite,), of_sources=of_sources)
    for state in (root, apt_directory(X86_64)):
        (state / "state/lists").mkdir(parents=True)
    of_suite.refresh()
    (line,) = (root / "sources.list").read_text().splitlines()
    assert line.split()[0] == kind
    assert line.split()[-2:] == [taken, "main"]
    assert of_suite.has_lists == of_sources


@pytest.mark.parametrize("failing", [1, 2])
def test_where_an_update_fails_the_lists_that_are_there_stay_the_index_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Apt looks for lists by the names in sources.list. It named the suite from the first update on, and the
    lists its codename: without the network no kernel of a suite was found, nor for an hour after.
    """
    updates: list[Sequence[str | Path]] = []

    def apt(command: Sequence[str | Path], **_options: object) -> str:
        if "update" in command and f"-oDir::State={root}/state" in command:
            updates.append(command)
            if len(updates) == 2 + failing:
                raise SetupError("E: Could not connect to mirror.example:80")
            release = "mirror.example_debian_dists_stable_InRelease"
            (root / "state/lists" / release).write_text("Suite: stable\nCodename: trixie\n")
        return TARGETS

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("emulator.cache.package_index.run", apt)
    root = apt_directory(X86_64, ("stable",))
    index = PackageIndex(root, X86_64, ("stable",))
    for state in (root, apt_directory(X86_64)):
        (state / "state/lists").mkdir(parents=True)
    index.refresh()
    sources = (root / "sources.list").read_text()
    assert "trixie main" in sources
    with pytest.raises(NoNetworkError):
        index.refresh()
    assert (root / "sources.list").read_text() == sources
    assert "-oAPT::Get::List-Cleanup=false" in updates[0]  # which would remove what the names are not of
    assert "-oAPT::Get::List-Cleanup=false" not in updates[1]


@pytest.mark.parametrize(
    ("targets", "mirror"),
    [
        (TARGETS, "http://mirror.example/debian/"),
        ("Ubuntu|Ubuntu|http://ubuntu.example/ubuntu/\n", None),
        ("", None),
    ],
)
def test_the_mirror_is_that_of_debians_main_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, targets: str, mirror: str | None
) -> None:
    monkeypatch.setattr("emulator.cache.package_index.run", lambda *_arguments, **_options: targets)
    assert PackageIndex(tmp_path, X86_64).mirror == mirror


@pytest.mark.parametrize(
    ("output", "fix"),
    [
        (
            "E: Failed to fetch http://m/x  File has unexpected size (1 != 2). Mirror sync in progress?",
            "being updated",
        ),
        ("E: You don't have enough free space in /cache/.", "disk is full"),
        ("dpkg-deb: error: failed to write to '…': No space left on device", "disk is full"),
        ("W: GPG error: … NO_PUBKEY 6ED0E7B82643E131", "debian-archive-keyring"),
        (
            "E: The repository 'http://m sid-backports Release' does not have a Release file.",
            "does not have that suite",
        ),
        ("E: Failed to fetch http://m/x.deb  404  Not Found [IP: 127.0.0.1 80]", "does not have that suite"),
        ("E: Failed to fetch http://m  Could not connect to m:80", "Is the network reachable"),
    ],
)
def test_what_apt_fails_with_has_a_remedy(output: str, fix: str) -> None:
    assert fix in remedy(output)


def test_a_machine_without_a_mirror_of_debian_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("emulator.cache.package_index.SOURCES", tmp_path / "none")
    monkeypatch.setattr("emulator.cache.package_index.SOURCES_PARTS", tmp_path / "none")
    with pytest.raises(SetupError, match="name no mirror of Debian"), package_index(X86_64, ("stable",)):
        raise AssertionError("there is no index")
