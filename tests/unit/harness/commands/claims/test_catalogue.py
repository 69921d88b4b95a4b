"""`list` and `explain` on a terminal and in a pipe."""

from __future__ import annotations

import pytest

from harness.commands import text
from harness.commands.claims import catalogue
from harness.experiments.core.claim import CLAIMS


def lines_of(
    width: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    monkeypatch.setattr(text, "columns", lambda: width)
    catalogue.list_claims()
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [60, 80, 120, 200, None])
def test_a_claim_and_its_statement_begin_in_one_line(
    width: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(width, monkeypatch, capsys)
    assert [line for line in lines if line != line.rstrip()] == []
    for id_, claim in CLAIMS.all().items():
        assert [line for line in lines if line.startswith(f"  {id_} ") and claim.statement.split()[0] in line]
    if width is not None:
        assert [line for line in lines if len(line) > width and len(line.split()) > 1] == []


def test_the_only_documents_address_follows_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    catalogue.explain(["limit.buffer-1mb"])
    address = "https://developer.android.com/reference/android/os/IBinder"
    assert f"IBinder and its like”, {address}" in " ".join(capsys.readouterr().out.split())
