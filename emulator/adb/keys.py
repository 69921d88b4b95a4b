"""The key by which devices know the adb server of this user.

A running server signs with the key in its user's home, besides those that it was started with
(ADB_VENDOR_KEYS), and cannot be given another (AOSP, packages/modules/adb, client/auth.cpp). So a device of
ours trusts that one, as the SDK's emulator does (android/emulation/AdbHostServer.cpp, AdbKey.cpp).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from emulator.base.command import run
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.base.lock_file import lock_file, take
from emulator.cache.store import lock_path

ENCODED_SIZE = 524
"""Bytes of a key of 2,048 bits (libcrypto_utils/android_pubkey.c, ANDROID_PUBKEY_ENCODED_SIZE)."""
MADE_WITHIN = 20.0


def private_key_file() -> Path:
    """Where adb keeps the private key of this user (adb_utils.cpp, adb_get_android_dir_path)."""
    return Path.home() / ".android" / "adbkey"


def public_key(adb: Callable[[], str]) -> str:
    """The public key in base64, which has 700 characters; made, by the program `adb` returns, where none is.

    Raises SetupError where that fails.
    """
    with contextlib.suppress(OSError):
        if (known := _parsed(private_key_file().with_suffix(".pub").read_bytes())) is not None:
            return known
    private = private_key_file()
    remedy = f"If {private} holds no key, move it elsewhere: another one is made then."
    with lock_file(lock_path("adb-key"), _wait):
        if not private.exists():
            private.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            run([adb(), "keygen", str(private)], seconds=MADE_WITHIN)
        text = run([adb(), "pubkey", str(private)], seconds=MADE_WITHIN, needs=remedy)
    if (made := _parsed(text.encode())) is None:
        raise SetupError(f"adb shows no public key: {text.strip() or 'nothing'}. {remedy}")
    return made


def _parsed(text: bytes) -> str | None:
    """The key in the text of an adbkey.pub, which has a comment after it; None where there is none."""
    encoded = (text.split() or [b""])[0]
    with contextlib.suppress(binascii.Error):
        if len(base64.b64decode(encoded, validate=True)) == ENCODED_SIZE:
            return encoded.decode("ascii")
    return None


def _wait(lock: IO[str]) -> None:
    Deadline(MADE_WITHIN).poll(lambda: take(lock), "another run to make adb's key", interval=0.01)
