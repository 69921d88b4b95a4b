"""How a pair takes over a binder device: from nobody, from one that is just leaving, and never by force."""

from __future__ import annotations

import errno
from contextlib import AbstractContextManager, nullcontext

import pytest

from emulator.base.errors import TimeLimitError
from harness.agent.process import RemoteProcess
from harness.binder import open_ends
from harness.binder.abi.uapi import BinderIoctl
from tests.support.fake_driver import FakeProcess, FakeThread

SHELL_USER, SYSTEM_USER = 2000, 1000
"""private/android_filesystem_config.h"""


class ClaimedProcess(FakeProcess):
    """Whoever wants to be context manager is refused a number of times."""

    def __init__(self, refusals: int, error: int, uid: int = SHELL_USER) -> None:
        super().__init__()
        self.refusals = refusals
        self.error = error
        self.uid = self.effective = uid
        self.managers: list[int] = []
        """The effective users that tried."""

    def syscall(self, name: str, *arguments: int | bytes, thread: FakeThread | None = None) -> int:
        if name == "setresuid":
            _, self.effective, _ = map(int, arguments)
        if BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT in arguments:
            self.managers.append(self.effective)
            if self.refusals:
                self.refusals -= 1
                raise OSError(self.error, "ioctl")
        return super().syscall(name, *arguments, thread=thread)


class FakeDevice:
    def __init__(self, refusals: int, error: int = errno.EBUSY, uid: int = SHELL_USER) -> None:
        self.server, self.client = (ClaimedProcess(refusals, error, uid) for _ in range(2))
        self._starting = [self.server, self.client]

    def process(self) -> AbstractContextManager[RemoteProcess]:
        return nullcontext(self._starting.pop(0).remote)


def test_a_pair_waits_for_a_context_manager_that_is_leaving() -> None:
    with open_ends(FakeDevice(refusals=2), "/dev/binder") as ends:
        assert ends.client.file.targets[0] is ends.server.file
        assert ends.server.server is None


def test_a_pair_gives_up_on_one_that_stays() -> None:
    with (
        pytest.raises(TimeLimitError, match=r"/dev/binder.*EBUSY"),
        open_ends(FakeDevice(refusals=1000), "/dev/binder", release_seconds=0.01),
    ):
        pass


def test_any_other_refusal_is_not_waited_for() -> None:
    with pytest.raises(PermissionError), open_ends(FakeDevice(1, errno.EPERM), "/dev/binder"):
        pass


def test_a_device_that_was_androids_own_is_taken_as_androids_system() -> None:
    device = FakeDevice(1, errno.EPERM, uid=0)
    with open_ends(device, "/dev/vndbinder"):
        assert device.server.managers == [0, SYSTEM_USER]
        assert device.server.effective == 0


def test_a_device_that_was_nobodys_that_is_known_stays_refused() -> None:
    device = FakeDevice(2, errno.EPERM, uid=0)
    with pytest.raises(PermissionError), open_ends(device, "/dev/vndbinder"):
        pass
    assert device.server.effective == 0
