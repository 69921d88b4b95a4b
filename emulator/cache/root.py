"""Where the cache is, and whether it can be used."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.base.errors import SetupError, reason_of


def cache_root() -> Path:
    """Where all entries are: $BINDER_HARNESS_CACHE, or binder-harness in the user's cache directory.

    Raises SetupError where it cannot be made, or belongs to another user.
    """
    chosen = os.environ.get("BINDER_HARNESS_CACHE")
    # A relative path there is invalid and to be ignored (XDG Base Directory Specification).
    standard = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if chosen:
        root = Path(chosen).absolute()
    else:
        root = (standard if standard.is_absolute() else Path.home() / ".cache") / "binder-harness"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The cache directory {root} cannot be created: {reason_of(error)}. "
            "Set BINDER_HARNESS_CACHE to a writable directory."
        ) from error
    if not chosen and root.stat().st_uid != os.geteuid():
        # Whose programs would run here, and whose files would then be this user's.
        raise SetupError(
            f"The cache directory {root} belongs to another user. Set BINDER_HARNESS_CACHE to a directory of "
            "your own; under sudo, `sudo -H` gives the home of the user whom it changes to."
        )
    if not os.access(root, os.W_OK | os.X_OK):  # on a read-only file system, root has no access, either
        raise SetupError(
            f"The cache directory {root} cannot be written. Set BINDER_HARNESS_CACHE to a writable directory."
        )
    return root
