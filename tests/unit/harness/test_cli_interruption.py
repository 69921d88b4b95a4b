"""An interruption is told once."""

from __future__ import annotations

import signal

import pytest

from emulator.base import interruption
from harness import cli


@pytest.mark.parametrize(("shown", "terminal", "told"), [(False, True, 1), (True, True, 0), (True, False, 1)])
def test_an_interruption_that_the_results_show_is_not_told_again(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shown: bool,
    terminal: bool,
    told: int,
) -> None:
    """Where standard output goes to a file, nothing on the terminal would say why the command has ended."""

    def interrupted(_: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            if shown:
                interruption.mark_shown()

    monkeypatch.setattr(cli, "_run", interrupted)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err.count("binder-harness: ended by SIGTERM") == told
