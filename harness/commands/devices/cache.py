"""`cache`: shows what was built and downloaded, and removes it."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.base.printable import show


def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove what no run uses; the next run builds it again.")
    ] = False,
) -> None:
    """Show what was built and downloaded for devices, or remove it.

    \b
    binder-harness cache
    binder-harness cache --clear

    --clear keeps what running commands use, and files that are not the cache's. Old builds are
    removed automatically: after 30 days without use, or when there are 16 newer ones.
    """
    from emulator.cache import maintenance
    from emulator.cache.root import cache_root

    root = cache_root()
    before = maintenance.disk_usage(root)
    if clear:
        maintenance.clear()
        after = maintenance.disk_usage(root)
        removed = _megabytes(max(0, before - after))
        show(f"{removed} removed from {root}; {_megabytes(after)} remain: what runs use, and other files")
        return
    show(f"{root}: {_megabytes(before)}")
    groups = maintenance.entry_groups()
    if groups:
        show(f"\n{'entries':>9}{'in use':>9}{'size':>11}   last used    name")
    for group in groups:
        numbers = f"{group.entries:>9}{group.in_use:>9}{_megabytes(group.size):>11}"
        show(f"{numbers}   {group.last_used:%Y-%m-%d}   {group.name}")
    show("\nRemove what no run uses: binder-harness cache --clear")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
