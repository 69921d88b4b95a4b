from __future__ import annotations

from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.cache.scratch import scratch_directory


@pytest.mark.parametrize("error", [None, ValueError])
def test_it_is_removed_after_the_block(tmp_path: Path, error: type[Exception] | None) -> None:
    def fill() -> None:
        with scratch_directory(tmp_path) as scratch:
            (scratch / "source").mkdir()
            (scratch / "source" / "file").touch()
            if error is not None:
                raise error

    if error is None:
        fill()
    else:
        with pytest.raises(error):
            fill()
    assert list(tmp_path.iterdir()) == []


def test_nobody_waits_for_its_removal_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removing AOSP's sources kept an interrupted run, without a word, for more than a minute."""
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: pytest.fail("removed while the user waits"))

    def build() -> None:
        with scratch_directory(tmp_path) as scratch:
            (scratch / "file").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()
    Deadline(10).poll(lambda: list(tmp_path.iterdir()) == [], "its removal by another program")
