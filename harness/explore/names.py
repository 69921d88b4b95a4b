"""Every name that a program of `explore` uses: it begins with `from harness.explore.names import *`."""

from harness.binder.abi.commands import (
    Acquire,
    AcquireDone,
    ClearDeathNotification,
    DeadBinderDone,
    Decrefs,
    EnterLooper,
    ExitLooper,
    Increfs,
    IncrefsDone,
    RegisterLooper,
    Release,
    RequestDeathNotification,
)
from harness.binder.abi.uapi import BinderIoctl
from harness.device.device import open_device
from harness.explore.replay import replay
from harness.model.steps import (
    Binder,
    Close,
    Control,
    Exchange,
    Free,
    Handle,
    Nonsense,
    Open,
    Payload,
    Reply,
    Transact,
    Unsupported,
)

__all__ = [
    "Acquire",
    "AcquireDone",
    "Binder",
    "BinderIoctl",
    "ClearDeathNotification",
    "Close",
    "Control",
    "DeadBinderDone",
    "Decrefs",
    "EnterLooper",
    "Exchange",
    "ExitLooper",
    "Free",
    "Handle",
    "Increfs",
    "IncrefsDone",
    "Nonsense",
    "Open",
    "Payload",
    "RegisterLooper",
    "Release",
    "Reply",
    "RequestDeathNotification",
    "Transact",
    "Unsupported",
    "open_device",
    "replay",
]
