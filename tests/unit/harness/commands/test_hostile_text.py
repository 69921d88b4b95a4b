"""Every way to a terminal or a report, walked with a text that a device, a host or a file could hold."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import re
import socket
import sys
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from rich.progress import TextColumn

from emulator.adb.client import AdbClient
from emulator.base.console import Console
from emulator.base.errors import ExitCode
from emulator.base.progress import report
from harness.cli import main
from harness.commands.claims.live.matrix_view import MatrixView
from harness.commands.claims.live.progress import live_progress
from harness.commands.claims.live.verify_view import VerifyView
from harness.device.binder_report import BinderReport, ManagedNode
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding
from harness.experiments.core.json_values import Json, to_json
from harness.experiments.core.measurement import MEASUREMENTS, Measurement
from harness.recording.diagram_parts import Arrow, ArrowKind, Lifeline
from harness.recording.sequence_diagram import SequenceDiagram
from harness.report.document import Document
from harness.report.events import Ended, Event, Judged, Line, Started
from harness.report.terminal.console import PrintableConsole
from tests.support import fake_device
from tests.support.fake_device import FACTS, FakeDevice, Measured, make_claim
from tests.support.fake_documents import document_on, matrix_of

ROOT = Path(__file__).parents[4]
HOSTILE = "\x1b]0;owned\x07\x9b31m\u202egnp\udc80\x7f\r\x00hostile<b>[red]&"
MARK = "hostile<b>[red]&"
HOSTILE_FACTS = dataclasses.replace(FACTS, kernel_release=HOSTILE, binder_devices=(HOSTILE,))
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What rich itself sends to a terminal."""
MAY_PRINT = {
    "emulator/base/printable.py",
    "harness/report/terminal/console.py",
    "emulator/base/prerequisites.py",  # of this project's own, for its Makefile
}

Run = Callable[..., tuple[int, str]]


def assert_printable(text: str, *, mark: str = MARK) -> None:
    assert mark in text
    assert [each for each in text if not each.isprintable() and each not in "\n\t"] == []


class _HostileDevice(FakeDevice):
    """A device that ends after its first claim, with this on its console."""

    def console_tail(self) -> str:
        return HOSTILE


def _open_device(target: object = "embedded") -> FakeDevice:
    report(f"starting {target} {HOSTILE}")
    return _HostileDevice(HOSTILE_FACTS)


def _names_a_service(_: FakeDevice) -> Measured:
    report(HOSTILE)
    return Measured(16)


def _service(_: Measured, __: Any) -> Finding:
    diagram = SequenceDiagram(
        lifelines=(Lifeline(1, 1, HOSTILE), Lifeline(2, 2, HOSTILE)),
        arrows=(
            Arrow(
                sender=0,
                receiver=1,
                kind=ArrowKind.CALL,
                interface=HOSTILE,
                called=HOSTILE,
                size=4,
                sent=0.0,
                latency=None,
            ),
        ),
        note=HOSTILE,
    )
    return Finding.whether(
        False,
        "the service is {name}",
        name=Figure(HOSTILE, HOSTILE, expected="expected"),
        hops=Figure(to_json(diagram), "trace"),
    )


def _breaks(_: FakeDevice) -> Measured:
    raise ValueError(HOSTILE)


HOSTILE_CLAIMS = {
    claim.id: claim
    for claim in (
        make_claim("mmap.service", _names_a_service, _service, what_is_true=HOSTILE),
        make_claim("mmap.breaks", _breaks),
    )
}


@pytest.fixture(autouse=True)
def hostile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A device and claims whose every text is hostile."""
    module = cast(ModuleType, SimpleNamespace(open_device=_open_device, Device=_HostileDevice))
    monkeypatch.setitem(sys.modules, "harness.device.device", module)
    monkeypatch.setattr(CLAIMS, "all", lambda: HOSTILE_CLAIMS)
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    for name in ("TARGET", "HOST", "JSON", "TIME_LIMIT", "DEBUG"):
        monkeypatch.delenv(f"BINDER_HARNESS_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs `binder-harness`; returns its exit status, and its output and errors, which must be printable."""

    def with_words(*words: str, mark: str = MARK) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(words)
        text = "".join(capfd.readouterr())
        assert_printable(text, mark=mark)
        assert isinstance(ended.value.code, int)
        return ended.value.code, text

    return with_words


def test_a_run_keeps_its_results_whatever_the_device_reports(run: Run, tmp_path: Path) -> None:
    files = ("--json", "run.json", "--html", "run.html", "--junit", "run.xml")
    status, text = run("verify", *files)
    assert (status, "2 unexpected" in text) == (1, True)
    document = Document.load(tmp_path / "run.json")
    assert document.device == HOSTILE_FACTS, "what is stored is what was measured"
    assert document.claims[0].figures["name"].value == HOSTILE
    assert_printable((tmp_path / "run.json").read_text())
    page = (tmp_path / "run.html").read_text()
    assert_printable(page, mark="hostile&lt;b&gt;[red]&amp;")
    assert MARK not in page
    assert "<svg" in page
    assert_printable((tmp_path / "run.xml").read_text(), mark="hostile&lt;b")
    assert ElementTree.parse(tmp_path / "run.xml").find("testsuite/properties") is not None


@pytest.mark.parametrize("missing", ["missing", "lost"])
def test_a_device_that_cannot_be_had(run: Run, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    module = fake_device.device_module(**cast(Any, {missing: HOSTILE}))
    monkeypatch.setitem(sys.modules, "harness.device.device", module)
    for words in (
        ("verify",),
        ("doctor", "embedded"),
        ("boot",),
        ("shell", "true"),
        ("repl",),
        ("measure", "largest-call"),
    ):
        for options in ((), ("--debug",)):
            status, _ = run(*options, *words)
            assert status in (3, 4), words


def test_a_loss_ends_in_the_console(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_HostileDevice, "alive", False, raising=False)
    monkeypatch.setattr(AdbClient, "state", lambda *_: "")
    assert run("verify")[0] in (1, 3)


def test_tracebacks_are_printable(run: Run) -> None:
    assert "ValueError" in run("--debug", "verify")[1]


def test_the_traceback_of_a_mistake_is_printable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        MEASUREMENTS, "all", lambda: {"hostile": Measurement("hostile", "", cast(Any, _breaks))}
    )
    status, text = run("measure", "hostile")
    assert (status, "ValueError" in text) == (1, True)


def test_the_facts_and_a_measurement(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    node = ManagedNode(HOSTILE, False, HOSTILE)
    binder = BinderReport(HOSTILE, 1, 1, 1, (node,))
    monkeypatch.setattr("harness.device.binder_report.report_binder", lambda _: binder)
    assert "The device embedded" in run("doctor", "embedded")[1]
    measurement = Measurement("hostile", "What is hostile.", lambda _: {"name": HOSTILE})
    monkeypatch.setattr(MEASUREMENTS, "all", lambda: {"hostile": measurement})
    run("measure", "hostile")
    _, text = run("measure", "hostile", "--json")
    assert json.loads(text[: text.index("}") + 1]) == {"name": HOSTILE}


def _made_hostile(value: Json) -> Json:
    """A document's JSON, with every text of a device or a file replaced."""
    match value:
        case dict():
            return {
                key: entry
                if key in ("schema", "started", "ended", "topic", "verdict", "expected", "sentence")
                else _made_hostile(entry)
                for key, entry in value.items()
            }
        case list():
            return [_made_hostile(entry) for entry in value]
        case str():
            return HOSTILE
    return value


def test_stored_documents(run: Run, tmp_path: Path) -> None:
    document = cast(
        Any, _made_hostile(to_json(dataclasses.replace(document_on(), claims=document_on().claims[:1])))
    )
    document["claims"][0] |= {"id": document_on().claims[0].id, "verdict": "refuted"}
    (tmp_path / "hostile.json").write_text(json.dumps(document))
    document_on(dataclasses.replace(FACTS, driver=HOSTILE)).write(tmp_path / "other.json")
    status, _ = run("diff", "hostile.json", "other.json")
    assert status == 1
    run("judge", "hostile.json", "--json", "again.json")
    assert_printable((tmp_path / "again.json").read_text())
    matrix = matrix_of(
        document_on(),
        document_on(HOSTILE_FACTS, target=HOSTILE),
        failure=HOSTILE,
        exit_code=ExitCode.DEVICE_LOST,
    )
    matrix.write(tmp_path / "matrix.json")
    run("diff", "matrix.json", "--between", "embedded", HOSTILE)
    run("judge", "matrix.json")
    run("diff", "matrix.json", "--between", "embedded", "none")
    (tmp_path / "other-version.json").write_text(json.dumps({**document, "schema_version": HOSTILE}))
    run("diff", "other-version.json", "other.json")
    (tmp_path / "damaged.json").write_text(json.dumps({**document, HOSTILE: 1}))
    run("diff", "damaged.json", "other.json")
    run("diff", HOSTILE.replace("\x00", ""), "other.json")


@pytest.fixture
def hostile_server() -> Iterator[int]:
    """The port of a server that sends hostile lines, and then no version of SSH's (RFC 4253, 4.2)."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(f"{HOSTILE}\n".encode(errors="replace") * 200)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_the_greeting_of_a_host(run: Run, hostile_server: int) -> None:
    status, _ = run("devices", "--host", f"ssh://127.0.0.1:{hostile_server}")
    assert status == 4


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [_Terminal(), io.StringIO()])
def test_progress(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    console = PrintableConsole(stream)
    document = document_on()
    column = dataclasses.replace(
        matrix_of(document, failure=HOSTILE, exit_code=ExitCode.DEVICE_LOST).columns[0], target=HOSTILE
    )
    result = dataclasses.replace(document.claims[0], id=HOSTILE)
    name = TextColumn("{task.description}", markup=False)
    with live_progress(console, name, text="{task.fields[doing]}") as progress:
        view = MatrixView(console, progress, [HOSTILE], [HOSTILE])
        events: list[Event] = [
            Started(target=HOSTILE, where=HOSTILE),
            Line(target=HOSTILE, text=HOSTILE),
            Judged(target=HOSTILE, result=result),
            Ended(target=HOSTILE, column=column),
        ]
        for event in events:
            view(event)
            progress.refresh()
    with live_progress(console, text="{task.description}") as progress:
        one = VerifyView(console, progress, [HOSTILE])
        for event in events[1:3]:
            one(event)
            progress.refresh()
    shown = COLOUR.sub("", stream.getvalue())
    # Rich itself ends a line with a carriage return to draw it anew.
    assert_printable(shown.replace("\r", ""), mark="owned")


def test_the_console_of_a_device_keeps_what_it_got(tmp_path: Path) -> None:
    console = Console(tmp_path / "console.log")
    console.read_from([HOSTILE.encode(errors="surrogatepass")])
    assert console.tail().startswith("\x1b]0;owned"), "what reads it makes it printable"


def test_nothing_else_prints() -> None:
    """No module writes to a terminal but through `show` and PrintableConsole."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("emulator", "harness")
        for path in (ROOT / package).rglob("*.py")
        if str(path.relative_to(ROOT)) not in MAY_PRINT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.expr) and _prints(node)
    ]
    assert found == []


def _prints(node: ast.expr) -> bool:
    """Whether this is a call of print, a bare console of rich's, or a write to a standard stream."""
    match node:
        case ast.Call(func=ast.Name(id="print")):
            return True
        case ast.Call(func=ast.Name(id="Console"), keywords=[ast.keyword(arg="file"), *_]):
            return True
        case ast.Attribute(
            value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr"), attr="write"
        ):
            return True
        case ast.Attribute(value=ast.Name(id="traceback"), attr=attribute):
            return attribute.startswith("print")
    return False
