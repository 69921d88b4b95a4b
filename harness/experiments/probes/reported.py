"""Probes of what the kernel reports over netlink of transactions, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable

from harness.binder.abi import commands
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.reports.listener import TransactionReports
from harness.binder.reports.transaction_report import TransactionReport
from harness.experiments.instruments.non_blocking import drain, exchange
from harness.experiments.probes.bench import BAD_ADDRESS, MAPPING, Bench, shown
from harness.experiments.probes.probe import probe

ONE_WAY = TransactionFlag.TF_ONE_WAY
UNKNOWN = 99
EXIT_THREAD = BinderIoctl.BINDER_THREAD_EXIT
OTHER_USER = 2000


def _reports(bench: Bench, act: Callable[[], object]) -> tuple[str, ...]:
    """What is reported of the two ends while something is done."""
    ends = {bench.pair.client_process.pid: "client", bench.pair.server_process.pid: "server"}
    with bench.device.process() as listener, TransactionReports.open(listener) as reports:
        act()
        return tuple(_text(report, ends) for report in reports.arrived() if report.from_pid in ends)


def _text(report: TransactionReport, ends: dict[int, str]) -> str:
    to = "nobody" if report.to_pid is None else ends.get(report.to_pid, "another")
    thread = "" if report.to_tid is None else " (a thread)"
    kind = "reply" if report.is_reply else "call"
    return (
        f"{report.error.name} {kind} {ends[report.from_pid]} to {to}{thread}, code {report.code}, "
        f"{report.data_size} bytes, flags {report.flags:#x}"
    )


def _freeze(bench: Bench) -> None:
    bench.client.controls.freeze(bench.pair.server_process.pid)


@probe("report.call")
def call(bench: Bench) -> object:
    """What does the kernel report over netlink of a call that works?"""
    return _reports(bench, bench.send)


@probe("report.unknown-handle")
def unknown_handle(bench: Bench) -> object:
    """And of one to a handle that the process does not have?"""
    return _reports(bench, lambda: bench.send(target=UNKNOWN, code=7))


@probe("report.one-way-unknown-handle")
def one_way_unknown_handle(bench: Bench) -> object:
    """And of such a one-way call?"""
    return _reports(bench, lambda: bench.send(target=UNKNOWN, code=7, flags=ONE_WAY))


@probe("report.too-large")
def too_large(bench: Bench) -> object:
    """And of a call that is larger than the receiver's mapping?"""
    return _reports(bench, lambda: bench.send(data_size=2 * MAPPING))


@probe("report.bad-address")
def bad_address(bench: Bench) -> object:
    """And of one whose data is not mapped?"""
    return _reports(bench, lambda: bench.send(data_size=64, buffer=BAD_ADDRESS))


@probe("report.bad-object")
def bad_object(bench: Bench) -> object:
    """And of one whose object has an unknown type?"""
    return _reports(bench, lambda: bench.send(bytes(24), [0]))


@probe("report.nested")
def nested(bench: Bench) -> object:
    """And of a second call of a thread that awaits a reply?"""
    bench.send()
    return _reports(bench, bench.send)


@probe("report.reply-unasked")
def reply_unasked(bench: Bench) -> object:
    """And of a reply to no call?"""
    return _reports(bench, lambda: exchange(bench.server, commands.Reply()))


@probe("report.reply-too-large")
def reply_too_large(bench: Bench) -> object:
    """And of a reply for which the caller's mapping has no room?"""
    bench.send()
    bench.received()
    return _reports(
        bench, lambda: exchange(bench.server, commands.Reply(data_size=4 << 20, buffer=BAD_ADDRESS))
    )


@probe("report.frozen")
def frozen(bench: Bench) -> object:
    """And of a call to a frozen process?"""
    _freeze(bench)
    return _reports(bench, bench.send)


@probe("report.one-way-frozen")
def one_way_frozen(bench: Bench) -> object:
    """And of a one-way call to one?"""
    _freeze(bench)
    return _reports(bench, lambda: bench.send(flags=ONE_WAY))


@probe("report.dead")
def dead(bench: Bench) -> object:
    """And of a call to a process that has died?"""
    exchange(bench.client, commands.Acquire(0))
    bench.pair.server_process.close()
    return _reports(bench, bench.send)


@probe("report.dies")
def dies(bench: Bench) -> object:
    """And of a call whose receiver's thread leaves before it replies?"""
    bench.send()
    bench.received()

    def die() -> None:
        bench.server.ioctls.ioctl(EXIT_THREAD)
        drain(bench.client)

    return _reports(bench, die)


@probe("report.spam")
def spam(bench: Bench) -> object:
    """And of one-way calls that fill the receiver's space, of which the sender is warned?"""
    bench.client.controls.enable_oneway_spam_detection()
    sent = set()

    def fill() -> None:
        for _ in range(56):
            sent.add(shown(bench.send(bytes(1024), flags=ONE_WAY)))

    reported = _reports(bench, fill)
    return f"sent: {', '.join(sorted(sent))}; reported: {', '.join(sorted(set(reported))) or 'nothing'}"


@probe("report.user")
def user(bench: Bench) -> object:
    """May adb's user listen, who is not root?"""
    with bench.device.process(uid=OTHER_USER) as listener, TransactionReports.open(listener) as reports:
        bench.send(target=UNKNOWN)
        return f"yes, and gets {len(reports.arrived())} of 1"
