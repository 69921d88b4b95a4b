"""Where Cuttlefish's host tools and images are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.base.errors import SetupError
from emulator.host.this_machine import ThisMachine
from emulator.kinds.cuttlefish.artifacts import Artifacts, find_artifacts

HOST = ThisMachine()


class Places:
    """Directories of one test, whose variables name them as a user's would."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        for name in ("ANDROID_HOST_OUT", "ANDROID_SOONG_HOST_OUT", "ANDROID_PRODUCT_OUT", "HOME"):
            monkeypatch.setenv(name, str(directory / name))
        monkeypatch.setenv("PATH", f"{directory / 'launcher' / 'bin'}:/usr/bin:/bin")
        (directory / "here").mkdir()
        monkeypatch.chdir(directory / "here")

    def put(self, place: str, *files: str) -> str:
        """Make a directory that has these files; its path."""
        for file in files:
            path = self._directory / place / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o755)
        return str(self._directory / place)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    return Places(tmp_path, monkeypatch)


def test_tools_and_images_are_found_in_cvds_order(places: Places) -> None:
    launcher = places.put("launcher", "bin/launch_cvd", "boot.img")
    assert find_artifacts(HOST) == Artifacts(launcher, launcher)  # on the PATH, images beside it
    here = places.put("here", "bin/launch_cvd", "super.img")
    assert find_artifacts(HOST) == Artifacts(here, here)
    home = places.put("HOME", "bin/cvd_internal_start", "boot.img")
    assert find_artifacts(HOST) == Artifacts(home, home)
    soong = places.put("ANDROID_SOONG_HOST_OUT", "bin/launch_cvd", "boot.img")
    assert find_artifacts(HOST) == Artifacts(soong, home)
    out = places.put("ANDROID_HOST_OUT", "bin/launch_cvd")
    product = places.put("ANDROID_PRODUCT_OUT", "super.img")
    assert find_artifacts(HOST) == Artifacts(out, product)
    assert find_artifacts(HOST, soong) == Artifacts(soong, soong)
    assert find_artifacts(HOST, soong, home) == Artifacts(soong, home)
    assert find_artifacts(HOST, product_path=home) == Artifacts(out, home)


def test_a_directory_given_is_the_only_one(places: Places) -> None:
    places.put("HOME", "bin/launch_cvd", "boot.img")
    empty = places.put("empty", "nothing")
    with pytest.raises(
        SetupError, match=rf"host tools .* are not in: {empty}\. Name .*'cuttlefish\?host_path="
    ):
        find_artifacts(HOST, empty)
    with pytest.raises(
        SetupError, match=rf"images .* are not in: {empty}\. Name .*'cuttlefish\?product_path="
    ):
        find_artifacts(HOST, product_path=empty)
