"""Which sender the driver reports to the receiver of a call, whatever the sender itself writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.binder import Binder
from harness.binder.abi import commands, returns
from harness.binder.abi.structures import TransactionFlag
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.node_files import free_node
from harness.experiments.instruments.non_blocking import FLAGS, drain, exchange, only, open_non_blocking

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

USER = 2000
"""AID_SHELL, the user of adb's shell (system/core, android_filesystem_config.h)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process and a user."""

    pid: int
    euid: int


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender, and the identities that its receiver got."""

    actual: Identity
    """As /proc shows it."""
    pretended: Identity
    """What it wrote into its transactions: the other sender."""
    call: Identity
    """What the driver reported to the receiver of its call."""
    one_way: Identity
    """What the driver reported to the receiver of its one-way call."""


@dataclass(frozen=True, slots=True)
class Senders:
    """Two senders that each pretended to be the other."""

    first: Sender
    second: Sender


@measurement("senders", "Which sender the driver reports to the receiver of a call.")
def measure_senders(device: Device) -> Senders:
    """Have two processes of different users call, each pretending to be the other."""
    with (
        open_non_blocking(device) as pair,
        device.process(uid=USER) as user_process,
        Binder.open(user_process, free_node(device.facts), flags=FLAGS) as user,
    ):
        exchange(pair.server, commands.EnterLooper())
        first, second = _identity(pair.client_process), _identity(user_process)
        return Senders(
            _sender(pair.client, pair.server, first, pretended=second),
            _sender(user, pair.server, second, pretended=first),
        )


def _identity(process: DeviceProcess) -> Identity:
    return Identity(process.pid, process.procfs.status.effective_uid)


def _sender(sender: Binder, receiver: Binder, actual: Identity, *, pretended: Identity) -> Sender:
    call = commands.Transaction(target=0, sender_pid=pretended.pid, sender_euid=pretended.euid)
    exchange(sender, call)
    received = only(returns.Transaction, drain(receiver))
    exchange(receiver, commands.FreeBuffer(received.buffer), commands.Reply())
    reply = only(returns.Reply, drain(sender))
    exchange(sender, commands.FreeBuffer(reply.buffer))

    exchange(sender, replace(call, flags=TransactionFlag.TF_ONE_WAY))
    received_one_way = only(returns.Transaction, drain(receiver))
    exchange(receiver, commands.FreeBuffer(received_one_way.buffer))
    return Sender(
        actual=actual,
        pretended=pretended,
        call=Identity(received.sender_pid, received.sender_euid),
        one_way=Identity(received_one_way.sender_pid, received_one_way.sender_euid),
    )
