"""A call as an exchange between caller, driver and callee: each command and return in order, with times."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.pictures.canvas import WIDTH, Canvas, Picture

ACTORS = {"caller": 48.0, "driver": WIDTH / 2, "callee": WIDTH - 48.0}
TOP = 58
ROW = 34


def exchange(title: str, order: Sequence[tuple[str, str]], notes: Sequence[str]) -> Picture:
    """The steps (actor, command) as arrows: BC_ to the driver, BR_ from it; the notes stand below."""
    height = TOP + ROW * len(order) + 20 * len(notes) + 12
    canvas = Canvas(title, "; ".join([*(" ".join(step) for step in order), *notes]), height)
    for name, x in ACTORS.items():
        canvas.box(x - 40, 8, 80, 24, "actor")
        canvas.text(name, x, 24, "label", anchor="middle")
        canvas.line((x, 32), (x, TOP + ROW * len(order) - 8), kind="lifeline")
    for place, (actor, command) in enumerate(order):
        y = TOP + ROW * place + 8
        ends = (ACTORS[actor], ACTORS["driver"])
        start, end = ends if command.startswith("BC_") else reversed(ends)
        kind = "first" if actor == "caller" else "second"
        canvas.text(f"{place + 1}", 6, y + 4, "quiet")
        canvas.text(command, sum(ends) / 2, y - 5, "label", anchor="middle")
        canvas.arrow(start, end, y, f"stroke {kind}")
    for place, note in enumerate(notes):
        canvas.text(note, 6, TOP + ROW * len(order) + 14 + 20 * place, "quiet")
    return canvas.picture()
