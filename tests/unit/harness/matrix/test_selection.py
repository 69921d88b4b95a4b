"""What a process that judges for another gets."""

from __future__ import annotations

from harness.matrix.selection import Selection


def test_the_options_of_verify_have_the_whole_selection() -> None:
    assert Selection(["mmap.once"]).options == ["--no-java"]
    options = Selection(["own.doors"], ("/own.py", "acme"), java=True, time_limit="5").options
    assert options == ["--java", "--claims=/own.py", "--claims=acme", "--time-limit=5"]
