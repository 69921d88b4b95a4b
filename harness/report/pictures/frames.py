"""Which physical frames two or three see: a box for each, joined where they are the same."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.pictures.canvas import WIDTH, Canvas, Picture

BOX, ROW, LEFT = 64, 56, 150
MOST = 4
"""So many frames of each are drawn."""


def frames(title: str, owners: Sequence[tuple[str, str, Sequence[float]]], note: str) -> Picture:
    """For each (who, class, frame numbers) a row of boxes; equal numbers of neighbours are joined."""
    said = [f"{who}: {', '.join(f'{number:.0f}' for number in numbers)}" for who, _, numbers in owners]
    canvas = Canvas(title, "; ".join([*said, note]), ROW * len(owners) + 34)
    for place, (who, kind, numbers) in enumerate(owners):
        y = 8 + ROW * place
        canvas.text(who, 4, y + 20, "label")
        for column, number in enumerate(numbers[:MOST]):
            x = LEFT + column * (BOX + 4)
            if place and number in owners[place - 1][2][:MOST]:
                above = LEFT + list(owners[place - 1][2]).index(number) * (BOX + 4) + BOX / 2
                canvas.line((above, y - ROW + 32), (x + BOX / 2, y), kind="stroke third")
            canvas.box(x, y, BOX, 32, f"fill {kind}", hint=f"frame {number:.0f}")
            canvas.text(f"{number:.0f}", x + BOX / 2, y + 20, "inside", anchor="middle")
    canvas.text(note, WIDTH - 4, ROW * len(owners) + 24, "quiet", anchor="end")
    return canvas.picture()
