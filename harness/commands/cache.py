"""`cache`: what has been built and downloaded, and its removal."""

from __future__ import annotations

from typing import Annotated

import typer


def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove all that no run uses; the next run builds it again.")
    ] = False,
) -> None:
    """Show what was built and downloaded for devices, or remove it.

    \b
    binder-harness cache
    binder-harness cache --clear

    What runs that are under way use stays, and what else is in the directory. What newer builds
    have replaced goes by itself: after 30 days without use, or with the 16th that is newer.
    """
    from emulator.cache import care as cache_care
    from emulator.cache.store import cache_root

    root = cache_root()
    before = cache_care.weight(root)
    if clear:
        cache_care.clear()
        after = cache_care.weight(root)
        removed = _megabytes(max(0, before - after))
        print(f"{removed} removed from {root}; what runs use, {_megabytes(after)}, stays")
        return
    print(f"{root}: {_megabytes(before)}")
    kinds = cache_care.kinds()
    if kinds:
        print(f"\n{'entries':>9}{'in use':>9}{'size':>11}   last used    of")
    for kind in kinds:
        numbers = f"{kind.entries:>9}{kind.in_use:>9}{_megabytes(kind.size):>11}"
        print(f"{numbers}   {kind.last_used:%Y-%m-%d}   {kind.name}")
    print("\nRemove what no run uses: binder-harness cache --clear")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
