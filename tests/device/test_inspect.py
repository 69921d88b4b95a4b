"""A deadlock of three services in Python, named from the live device and from a saved bug report of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.binder import Binder, Call, Parcel
from harness.binder.services.service_manager import ServiceManager
from harness.binder.serving.call import Handler
from harness.cli import main
from harness.device.device import Device
from harness.inspect import Inspection, Question, inspect_device, read
from harness.inspect.waits import Deadlock

NAMES = ("inspect.first", "inspect.second", "inspect.third")
START = 1
SECONDS = 60.0


@contextlib.contextmanager
def deadlocked(device: Device) -> Iterator[list[int]]:
    """Three services with one thread each, every one in a call to the next; yields their processes."""
    all_busy = threading.Barrier(len(NAMES))
    handles: dict[str, int] = {}

    def calling(following: str) -> Handler:
        def handler(call: Call) -> None:
            token = Parcel(call.wire).interface_token(following)
            # The end of the test breaks the barrier and kills the processes, and with them this call.
            with contextlib.suppress(threading.BrokenBarrierError, HarnessError):
                all_busy.wait(SECONDS)
                call.thread.transact(handles[following], START, token, deadline=Deadline(10 * SECONDS))

        return handler

    following = dict(zip(NAMES, (*NAMES[1:], NAMES[0]), strict=True))
    with contextlib.ExitStack() as stack:
        services = {
            name: stack.enter_context(device.service(name, calling(following[name]))) for name in NAMES
        }
        for service in services.values():
            stack.callback(service.process.kill)
            found = service.manager.get(following[service.name])
            assert isinstance(found, int)
            handles[following[service.name]] = found
        stack.callback(all_busy.abort)
        with device.process() as process, Binder.open(process) as client:
            manager = ServiceManager(client)
            for name in NAMES:
                handle = manager.get(name)
                assert isinstance(handle, int)
                client.post(handle, START, Parcel(manager.dialect.wire).interface_token(name))
            yield [service.process.pid for service in services.values()]


def circle_in(inspection: Inspection) -> list[int]:
    """The processes of the first deadlock."""
    for answer in inspection.to(Question.WAITS):
        if isinstance(answer.value, Deadlock):
            return [wait.thread[0] for wait in answer.value.waits]
    return []


def once_deadlocked(device: Device) -> Inspection:
    """What the device shows once every call of the circle waits."""
    deadline = Deadline(SECONDS)
    while not circle_in(inspection := inspect_device(device)):
        deadline.check("the deadlock of three services")
    return inspection


def rotated(circle: list[int]) -> list[int]:
    first = circle.index(min(circle))
    return circle[first:] + circle[:first]


def saved_report(device: Device, path: Path) -> Path:
    """A bug report in dumpstate's form, of the same device at the same moment."""
    location = device.binder.location
    parts = ["=" * 56, "== dumpstate: 2026-01-04 10:00:00", "=" * 56, "", "Build: embedded"]
    for title, name in (("BINDER TRANSACTIONS", "transactions"), ("BINDER STATE", "state")):
        text = device.files.read_text(f"{location}/{name}")
        parts += [f"------ {title} ({location}/{name}) ------", text]
        parts += [f"------ 0.010s was the duration of '{title}' ------", ""]
    path.write_text("\r\n".join("\n".join(parts).split("\n")))
    return path


def test_a_deadlock_of_three_services_is_named(
    device: Device, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with deadlocked(device) as pids:
        live = once_deadlocked(device)
        report = saved_report(device, tmp_path / "bugreport.txt")
    assert rotated(circle_in(live)) == rotated(pids)
    (answer, deadlock) = next((each, each.value) for each in live.answers if isinstance(each.value, Deadlock))
    assert answer.sentence.startswith("DEADLOCK of 3 threads: ")
    assert all(str(pid) in answer.sentence for pid in pids)
    assert len(answer.places) == len(pids)
    saved = read(str(report))
    assert rotated(circle_in(saved)) == rotated(pids)
    lines = report.read_text().splitlines()
    for place, wait in zip(saved.to(Question.WAITS)[0].places, deadlock.waits, strict=True):
        assert f"outgoing transaction {wait.transaction}:" in lines[place.line - 1]
    with pytest.raises(SystemExit):
        main(["inspect", str(report)])
    assert "DEADLOCK of 3 threads" in capsys.readouterr().out


def test_the_command_names_it_and_keeps_what_it_read(
    device: Device,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.device.device.open_device", lambda _target: contextlib.nullcontext(device))
    with deadlocked(device):
        once_deadlocked(device)
        with pytest.raises(SystemExit) as ended:
            main(["inspect", "--target", "embedded", "--keep", str(tmp_path / "now")])
    assert ended.value.code in (0, None)
    assert "DEADLOCK of 3 threads: syscall_agent (" in capsys.readouterr().out
    assert len(circle_in(read(str(tmp_path / "now")))) == len(NAMES)


def test_a_device_at_rest_shows_no_deadlock(device: Device) -> None:
    inspection = inspect_device(device)
    assert inspection.sections
    assert circle_in(inspection) == []
    assert inspection.unknown_count == 0
