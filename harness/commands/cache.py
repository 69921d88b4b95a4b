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
    from emulator.cache import maintenance
    from emulator.cache.store import cache_root

    root = cache_root()
    before = maintenance.disk_usage(root)
    if clear:
        maintenance.clear()
        after = maintenance.disk_usage(root)
        removed = _megabytes(max(0, before - after))
        print(f"{removed} removed from {root}; what runs use, {_megabytes(after)}, stays")
        return
    print(f"{root}: {_megabytes(before)}")
    groups = maintenance.entry_groups()
    if groups:
        print(f"\n{'entries':>9}{'in use':>9}{'size':>11}   last used    of")
    for group in groups:
        numbers = f"{group.entries:>9}{group.in_use:>9}{_megabytes(group.size):>11}"
        print(f"{numbers}   {group.last_used:%Y-%m-%d}   {group.name}")
    print("\nRemove what no run uses: binder-harness cache --clear")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
