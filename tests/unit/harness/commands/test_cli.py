from __future__ import annotations

import ast
import contextlib
import errno
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

import emulator.kinds.doctor
from emulator.adb.client import AdbClient
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, UsageError
from emulator.base.interruption import ENDING
from emulator.build.generation import DEFAULT_GENERATION
from harness.agent.exit_status import ExitStatus
from harness.aosp_tests.running import ProgramRun
from harness.cli import main
from harness.commands.devices.adb import adb_of_version, adb_program
from harness.device.binder_report import BinderReport, ManagedNode
from harness.device.facts import Need
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.judge import judge
from harness.experiments.core.measurement import MEASUREMENTS, Measurement
from harness.experiments.core.result import Result
from tests.support import fake_device

ROOT = Path(__file__).parents[4]
MAIN = "from harness.cli import main; main()"
WITH_FAKES = f"import tests.support.fake_device_plugin; {MAIN}"
AN_IMPATIENT_USER = """
import os, signal
import tests.support.fake_device_plugin
from tests.support.fake_device import FakeDevice
close = FakeDevice.__exit__
def close_while_the_user_presses_again(device, *error):
    os.kill(os.getpid(), signal.SIGINT)
    close(device, *error)
FakeDevice.__exit__ = close_while_the_user_presses_again
"""
WITH_AN_IMPATIENT_USER = AN_IMPATIENT_USER + MAIN
SECONDS = 30.0


@dataclass
class Ended:
    status: int
    output: str
    errors: str


CommandLine = Callable[..., Ended]


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The fake device and claims, and an environment without options."""
    monkeypatch.setitem(sys.modules, "harness.device.device", fake_device.device_module())
    monkeypatch.setattr(CLAIMS, "all", fake_device.choose)
    monkeypatch.setattr(AdbClient, "state", AdbClient.state)  # the plugin does not restore it
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    for name in ("TARGET", "HOST", "JSON", "TIME_LIMIT", "JAVA", "DEBUG"):
        monkeypatch.delenv(f"BINDER_HARNESS_{name}", raising=False)
    monkeypatch.delenv("ANDROID_ADB_SERVER_PORT", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command_line(capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs `binder-harness` with these words, in this process."""

    def run(*words: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(words)
        output, errors = capfd.readouterr()
        status = ended.value.code
        return Ended(status if isinstance(status, int) else 0, output, errors)

    return run


def choose(monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    monkeypatch.setattr(CLAIMS, "all", lambda: fake_device.choose(*ids))


# --- verify ---


def test_verify_ends_in_a_table_and_a_document(command_line: CommandLine, tmp_path: Path) -> None:
    ended = command_line("verify", "--json", "results.json", "--junit", "junit.xml")
    assert (ended.status, "all as expected" in ended.output) == (0, True)
    assert "mmap.first-page" in ended.output
    assert "results.json" in ended.output
    assert "starting embedded" in ended.errors
    assert "[  1/4] mmap.once: confirmed, as expected" in ended.errors
    assert "passed" not in ended.output + ended.errors  # pytest's own view is silent
    claims = json.loads((tmp_path / "results.json").read_text())["claims"]
    assert [claim["id"] for claim in claims] == list(fake_device.AS_EXPECTED)
    suite = ElementTree.parse(tmp_path / "junit.xml").find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("skipped")) == ("4", "1")


def test_verify_judges_the_claims_that_are_named(command_line: CommandLine) -> None:
    ended = command_line("verify", "mmap", "sm.single")
    assert ended.status == 0
    assert "sm.single" in ended.output
    assert "copy.binder-one" not in ended.output


def test_verify_passes_the_rest_to_pytest(command_line: CommandLine) -> None:
    ended = command_line("verify", "mmap", "sm", "--", "-k", "single or first-page", "--maxfail=1")
    assert ended.status == 0
    assert "mmap.once" not in ended.output
    assert "1 of 3 claims was not judged" in ended.output
    assert command_line("verify", "--", "-k", "nothing").status == 2
    wrong = command_line("verify", "--", "--no-such-option")
    assert (wrong.status, "--no-such-option" in wrong.errors) == (2, True)
    listed = command_line("verify", "mmap", "--", "--collect-only", "-q")
    assert (listed.status, "test_claim[mmap.once]" in listed.output) == (0, True)


def test_verify_runs_failed_claims_again(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "mmap.once", "limit.figure")
    assert command_line("verify").status == 1
    ended = command_line("verify", "--", "--lf")
    assert ended.status == 1
    assert "mmap.once" not in ended.output


def test_verify_goes_on_after_a_loss(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "mmap.once", "proto.dies", "sm.single")
    ended = command_line("verify")
    assert ended.status == 3
    assert "1 unexpected: ✓ 2 confirmed, ! 1 lost" in ended.output
    assert fake_device.CONSOLE in ended.output
    assert ended.errors.count("starting embedded") == 2


def test_verify_spreads_over_workers(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ended = command_line("verify", "--", "-p", "tests.support.fake_device_plugin", "-n", "2")
    assert ended.status == 0, ended
    assert "all as expected" in ended.output


def test_without_a_device_verify_stops_with_the_reason(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = fake_device.device_module(missing="QEMU is missing: apt-get install qemu-system-x86")
    monkeypatch.setitem(sys.modules, "harness.device.device", module)
    ended = command_line("verify")
    assert ended.status == 4
    assert ended.errors.count("apt-get install qemu-system-x86") == 1
    assert ended.output == "", "nothing else was found out"


@pytest.mark.parametrize(
    ("words", "java"),
    [((), False), (("mmap",), True), (("mmap", "--no-java"), False), (("--java",), True)],
)
def test_java_is_put_on_a_device_for_claims_that_are_named(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], java: bool
) -> None:
    asked: list[object] = []

    def judge_and_note(*arguments: Any, **options: Any) -> Result:
        asked.append(options["java"])
        return judge(*arguments, **options)

    monkeypatch.setattr("harness.experiments.core.judge.judge", judge_and_note)
    command_line("verify", "-j", "1", *words)
    assert set(asked) == {java}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("verify", "map.once"), "There is no claim 'map.once'. Did you mean mmap.once"),
        (("verify", "--target", "embeded"), "binder-harness: There is no target 'embeded'. Did you mean"),
        (("verify", "--host", "here"), "binder-harness: --host (or BINDER_HARNESS_HOST): "),
        (("shell", "--cold", "--target", "adb:x"), "--cold is for devices that Binder harness starts itself"),
        (("verify", "--json", "none/results.json"), "none/results.json cannot be written"),
        (("verify", "--junit", "."), "is not a regular file"),
        (("aosp-tests", "--junit", "none/tests.xml"), "none/tests.xml cannot be written"),
        (("compare-drivers", "-o", "none/page.md"), "none/page.md cannot be written"),
        (
            ("compare-drivers", "call", "freezer"),
            "No probe begins with 'freezer'. Did you mean freeze? Groups",
        ),
        (("explore", "--json", "none/run.json"), "none/run.json cannot be written"),
        (("verify", "--time-limit", "-1"), "binder-harness: --time-limit (or BINDER_HARNESS_TIME_LIMIT)"),
        (("verify", "--time-limit", "soon"), "'soon' is no time limit: give seconds, more than 0"),
        (
            ("explain", "mapp"),
            "There is no claim 'mapp'. Did you mean mmap? All of them: binder-harness list",
        ),
        (("explain",), "CLAIM"),
        (
            ("measure", "second-map"),
            "There is no measurement 'second-map'. Did you mean second-mapping? All ",
        ),
        (("verfy",), "verfy"),
    ],
)
def test_wrong_usage_is_reported_before_a_device_is_opened(
    command_line: CommandLine, words: tuple[str, ...], message: str
) -> None:
    opened = fake_device.FakeDevice.opened
    ended = command_line(*words)
    assert (ended.status, ended.output) == (2, "")
    assert message in ended.errors
    assert "Traceback" not in ended.errors
    assert fake_device.FakeDevice.opened == opened


def test_tracebacks_are_shown_only_with_debug(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "proto.breaks")
    ended = command_line("verify")
    assert (ended.status, "Traceback" in ended.output + ended.errors) == (1, False)
    assert "binder-harness --debug verify proto.breaks\n" in ended.output
    elsewhere = command_line("verify", "--target", "embedded?kernel=6.1&start=cold").output
    assert "verify proto.breaks --target 'embedded?kernel=6.1&start=cold'" in elsewhere
    assert "Traceback" in command_line("--debug", "verify").errors
    assert "Traceback" in command_line("--debug", "explain", "none").errors


def test_a_users_own_pytest_configuration_is_ignored(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not ours')\n")
    assert command_line("verify").status == 0


def test_on_a_terminal_progress_is_live(tmp_path: Path) -> None:
    leader, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_FAKES, "verify"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    output, _ = process.communicate(timeout=SECONDS)
    shown = os.read(leader, 1 << 20).decode()
    os.close(leader)
    assert process.returncode == 0
    assert b"all as expected" in output
    assert "\x1b[" in shown
    assert "[  1/4]" not in shown


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_closes_its_device_and_keeps_its_results(
    tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    arguments = ("verify", "--json", "results.json", "--junit", "junit.xml", "--html", "page.html")
    output, errors = _interrupted(sent, status, tmp_path, *arguments)
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["not_judged"] == ["proto.waits"]
    assert document["interrupted"] == sent.name
    assert [claim["id"] for claim in document["claims"]] == ["mmap.once"]
    assert f'name="binder_interrupted" value="{sent.name}"' in (tmp_path / "junit.xml").read_text()
    assert "all of these as expected: ✓ 1 confirmed, in " in output
    assert f"\nthe run was interrupted by {sent.name}\n" in output
    for shown in (output, (tmp_path / "page.html").read_text()):
        assert f"the run was interrupted by {sent.name}\n1 of 2 claims was not judged" in shown
    assert errors.endswith(f"binder-harness: ended by {sent.name}\n")


def _ended_by_itself(directory: Path, preparation: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A run that sends itself a signal at a moment that the preparation chooses."""
    program = (
        f"import os, signal\nfrom tests.support.fake_device import FakeDevice\n{preparation}\n{WITH_FAKES}"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=directory,
        env=_environment(directory, claims="mmap.once sm.single"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


AT_ODD_MOMENTS = {
    "while the device is closed at the end": """
def closing(device, *_):
    os.kill(os.getpid(), signal.SIGTERM)
FakeDevice.__exit__ = closing
""",
    "while the device is opened, whose clean-up then fails": """
def opening(device):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        raise OSError("the clean-up failed")
FakeDevice.__enter__ = opening
""",
    "in a finalizer, from which Python lets nothing out": """
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
def opening(device):
    Finalized()
    return device
FakeDevice.__enter__ = opening
""",
    "while the results are shown": """
from harness.report.terminal import results
results.show = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)
""",
}


@pytest.mark.parametrize("moment", AT_ODD_MOMENTS)
def test_a_signal_at_an_odd_moment_ends_the_run_and_marks_its_results(tmp_path: Path, moment: str) -> None:
    ended = _ended_by_itself(tmp_path, AT_ODD_MOMENTS[moment], "verify", "--json", "results.json")
    assert ended.returncode == 143, ended.stderr
    assert ended.stderr.endswith("binder-harness: ended by SIGTERM\n")
    document = json.loads((tmp_path / "results.json").read_text())
    judged_all = document["not_judged"] == []
    assert document["interrupted"] == "SIGTERM" or (judged_all and "shown" in moment)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("sent", ENDING)
def test_a_signal_while_the_arguments_are_parsed_is_named(tmp_path: Path, sent: signal.Signals) -> None:
    preparation = f"""
import typer.core
typer.core.TyperGroup.parse_args = lambda *_: os.kill(os.getpid(), {int(sent)})
"""
    ended = _ended_by_itself(tmp_path, preparation, "verify")
    assert (ended.returncode, ended.stderr) == (128 + sent, f"binder-harness: ended by {sent.name}\n")


@pytest.mark.parametrize("sent", ENDING)
def test_a_signal_while_modules_are_imported_is_named(sent: signal.Signals) -> None:
    program = f"""
import os, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), {int(sent)})
sys.meta_path.insert(0, Finder())
{MAIN}
"""
    command = [sys.executable, "-c", program, "list"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (ended.returncode, ended.stderr) == (128 + sent, f"binder-harness: ended by {sent.name}\n")


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_booted_device(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    _interrupted(sent, status, tmp_path, "boot")


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_prompt(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    _, errors = _interrupted(sent, status, tmp_path, "repl")
    assert errors.endswith(f"binder-harness: ended by {sent.name}\n")


def test_a_signal_ends_what_runs_at_a_prompt(tmp_path: Path) -> None:
    with _start(tmp_path, "repl") as process:
        try:
            _await_start(process, "repl")
            assert process.stdin is not None
            process.stdin.write("import threading; print('running'); threading.Event().wait()\n")
            process.stdin.flush()
            _await_line(process, process.stdout, "running")
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert process.returncode == 143, errors
    assert (tmp_path / "closed").exists()


def _interrupted(sent: signal.Signals, status: int, directory: Path, *words: str) -> tuple[str, str]:
    """The output of a command that gets a signal while it waits, ends with this status, and closes all.

    While it closes its device, Ctrl-C is pressed as well.
    """
    program = WITH_AN_IMPATIENT_USER
    with _start(directory, *words, claims="mmap.once proto.waits", program=program) as process:
        try:
            _await_start(process, words[0])
            process.send_signal(sent)
            output, errors = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert process.returncode == status, errors
    assert "Traceback" not in errors
    assert (directory / "closed").read_text().count("fake-") == 1
    return output, errors


def test_ctrl_c_reaches_xdists_workers_and_they_close_their_devices(tmp_path: Path) -> None:
    marks_when_it_judges = "\ndef pytest_runtest_call():\n    open('opened', 'w').close()\n"
    (tmp_path / "impatient.py").write_text(AN_IMPATIENT_USER + marks_when_it_judges)
    words = ("verify", "--", "-p", "impatient", "-n", "1")
    environment = _environment(tmp_path, claims="proto.waits")
    environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", WITH_FAKES, *words],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        try:
            Deadline(SECONDS).poll((tmp_path / "opened").exists, "the worker's device")
            os.killpg(process.pid, signal.SIGINT)
            output, errors = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "the run was interrupted by SIGINT" in output
    assert (tmp_path / "closed").read_text().count("fake-") == 1


def test_the_log_of_a_run_is_shown_though_pytest_captures_its_output(tmp_path: Path) -> None:
    (tmp_path / "logs.py").write_text(
        "import logging\n"
        "def pytest_runtest_call():\n    logging.getLogger('emulator.some').info('starting QEMU')\n"
    )
    environment = _environment(tmp_path, claims="mmap.once")
    environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    for words, logged in ((("-v",), 1), ((), 0)):
        ended = subprocess.run(
            [sys.executable, "-c", WITH_FAKES, *words, "verify", "--", "-p", "logs"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert (ended.returncode, ended.stderr.count("emulator.some: starting QEMU")) == (0, logged)


def test_a_closed_terminal_ends_a_run_like_any_signal(tmp_path: Path) -> None:
    leader, terminal = pty.openpty()
    # It becomes the controlling terminal of a session's leader that opens it.
    program = f"import os; os.open(os.ttyname(0), os.O_RDWR); {WITH_FAKES}"
    with subprocess.Popen(
        [sys.executable, "-c", program, "verify", "--json", "results.json"],
        cwd=tmp_path,
        env=_environment(tmp_path, claims="mmap.once proto.waits") | {"TERM": "xterm"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        try:
            shown = b""
            while b"waiting" not in shown:
                shown += os.read(leader, 1 << 10)
            os.close(leader)
            process.wait(SECONDS)
        finally:
            process.kill()
    assert process.returncode == 128 + signal.SIGHUP
    assert (tmp_path / "closed").read_text().count("fake-") == 1
    assert json.loads((tmp_path / "results.json").read_text())["interrupted"] == "SIGHUP"


def _start(
    directory: Path, *words: str, claims: str = "", program: str = WITH_FAKES
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", program, *words],
        cwd=directory,
        env=_environment(directory, claims=claims),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _environment(directory: Path, *, claims: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BINDER_HARNESS_TEST_CLAIMS": claims,
        fake_device.CLOSED_LOG: str(directory / "closed"),
    }


def _await_start(process: subprocess.Popen[str], command: str) -> None:
    """Until the device is open and the command waits for something else."""
    if command == "boot":
        _await_line(process, process.stdout, "until Ctrl-C")
    else:
        _await_line(process, process.stderr, "Ctrl-D ends" if command == "repl" else "waiting")


def _await_line(process: subprocess.Popen[str], stream: IO[str] | None, marker: str) -> None:
    assert stream is not None
    limit = threading.Timer(SECONDS, process.kill)
    limit.start()
    while marker not in stream.readline():
        assert process.poll() is None
    limit.cancel()


# --- list, explain ---


def test_list_shows_claims_by_topic(command_line: CommandLine) -> None:
    ended = command_line("list")
    assert (ended.status, "binder-harness explain CLAIM" in ended.output) == (0, True)
    assert (
        ended.output.index("The mapping") < ended.output.index("mmap.once") < ended.output.index("One copy")
    )
    assert [claim["id"] for claim in json.loads(command_line("list", "mmap.*", "--json").output)] == [
        "mmap.once",
        "mmap.first-page",
    ]


def test_explain_shows_the_experiment_the_source_and_the_needs(command_line: CommandLine) -> None:
    output = command_line("explain", "copy.binder-one").output
    documents = "documents A “Inter-process communication in Android”"
    for words in (documents, "and B", "What copy.binder-one does.", "/proc/kcore", "binder.c", "confirmed"):
        assert words in output
    assert "none until the first transaction" in command_line("explain", "mmap.first-page").output


def test_explain_takes_the_same_patterns_as_verify(command_line: CommandLine) -> None:
    output = command_line("explain", "mmap", "copy.*").output
    assert [name for name in fake_device.CLAIMS_BY_ID if f"What {name} does." in output] == [
        "mmap.once",
        "mmap.first-page",
        "copy.binder-one",
    ]
    assert output.endswith("Judge them: binder-harness verify mmap 'copy.*'\n")


@pytest.mark.parametrize("words", [("--help",), ("list",), ("--version",)])
def test_commands_without_a_device_load_little(words: tuple[str, ...]) -> None:
    """Checked by the modules that are loaded, which does not depend on the machine's load."""
    program = f"import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {MAIN}"
    ended = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    assert not {"rich", "adbutils", "paramiko", "pytest"} & set(ended.stderr.split())


# --- measure ---


def test_measure_prints_figures(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(device: Any) -> object:
        return Figures(1040384, (1, 2), device.facts.architecture)

    known = {"sizes": Measurement("sizes", "How large it may be.", measure)}
    monkeypatch.setattr(MEASUREMENTS, "all", lambda: known)
    assert command_line("measure").output.startswith("sizes                     How large it may be.\n")
    summary, blank, *lines = command_line("measure", "sizes").output.splitlines()
    assert (summary, blank) == ("How large it may be.", "")
    assert [line.split() for line in lines] == [
        ["largest", "1,040,384"],
        ["steps[0]", "1"],
        ["steps[1]", "2"],
        ["architecture", "x86_64"],
    ]
    assert json.loads(command_line("measure", "sizes", "--json").output)["steps"] == [1, 2]


def test_figures_that_claims_are_about_have_units_and_sources(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = fake_device.CLAIMS_BY_ID["limit.figure"]
    known = {"sizes": Measurement("sizes", "How large it may be.", claim.measure)}
    monkeypatch.setattr(MEASUREMENTS, "all", lambda: known)
    monkeypatch.setattr(CLAIMS, "all", lambda: {claim.id: claim})
    assert "1,040,380 bytes (" in command_line("measure", "sizes").output
    assert "1,040,380 bytes (" in command_line("measure", "limit.figure").output, "the claim's measurement"
    monkeypatch.setattr(MEASUREMENTS, "all", dict)
    unnamed = command_line("measure", "limit.figure").output
    assert unnamed.startswith(claim.experiment)
    assert "1,040,380 bytes (" in unnamed


def test_of_aosps_tests_those_before_the_loss_of_the_device_are_written(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def lost(*_: object) -> Iterator[ProgramRun]:
        yield ProgramRun("binderLibTest", (), seconds=1.0)
        raise DeviceLostError("it panicked")

    monkeypatch.setattr("harness.aosp_tests.running.generation_for", lambda _: DEFAULT_GENERATION)
    monkeypatch.setattr("harness.aosp_tests.running.run_programs", lost)
    ended = command_line("aosp-tests", "binderLibTest", "--junit", "tests.xml")
    assert (ended.status, "it panicked" in ended.errors) == (3, True)
    assert 'name="binderLibTest"' in (tmp_path / "tests.xml").read_text()


# --- files that may not be used ---


def test_a_document_that_cannot_be_written_is_named_once(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(path: Path, text: str) -> None:  # noqa: ARG001
        if path.name == "run.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("harness.report.stored.write_atomically", refuse)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    ended = command_line("verify", "mmap.once", "--json", "run.json")
    assert ended.status == 4
    assert ended.errors.count("run.json cannot be written: No space left on device") == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("verify", "--json", "private/run.json"), 2),
        (("verify", "-o", "private/run.html"), 2),
        (("report", "private/run.json"), 2),
        (("diff", "private/a.json", "private/b.json"), 2),
        (("record", "-o", "private/hops.svg"), 2),
    ],
)
def test_what_may_not_be_read_or_written_is_named(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], status: int
) -> None:
    real = os.stat

    def refuse(path: Any, *arguments: Any, **options: Any) -> Any:
        # The tests run as root, whom no mode of a directory stops.
        if "private" in os.fspath(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refuse)
    ended = command_line(*words)
    assert ended.status == status, ended
    assert "Traceback" not in ended.errors
    assert "Permission denied" in ended.errors


@pytest.mark.parametrize(("debug", "tracebacks"), [((), 0), (("--debug",), 1)])
def test_a_file_that_cannot_be_used_is_no_traceback(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, debug: tuple[str, ...], tracebacks: int
) -> None:
    def offers(_: str) -> list[object]:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc/hops.svg")

    monkeypatch.setattr("emulator.target.offers", offers)
    ended = command_line(*debug, "devices")
    assert ended.status == 4
    assert "binder-harness: /proc/hops.svg: No such file or directory. Give another place." in ended.errors
    assert ended.errors.count("Traceback") == tracebacks


def test_help_is_a_command_too(command_line: CommandLine) -> None:
    assert "Judge claims on a device" in command_line("help", "verify").output
    assert "Commands:" in command_line("help").output


# --- formats ---


def test_results_on_standard_output_are_all_there_is(command_line: CommandLine, tmp_path: Path) -> None:
    for words in (("--json", "-"), ("--format", "json"), ("--format", "json", "-o", "-")):
        ended = command_line("verify", "mmap.once", *words)
        assert ended.status == 0
        assert [claim["id"] for claim in json.loads(ended.output)["claims"]] == ["mmap.once"]
    assert not list(tmp_path.glob("*.json*"))


def test_a_stored_run_takes_every_form(command_line: CommandLine, tmp_path: Path) -> None:
    assert command_line("verify", "-o", "run.json").status == 0
    assert "mmap.once" in command_line("report", "run.json").output
    for name in ("run.xml", "run.ktap", "run.md", "run.html", "again.json"):
        ended = command_line("report", "run.json", "-o", name)
        assert (ended.status, ended.output.endswith(f": {name}\n")) == (0, True), ended
        assert "mmap" in (tmp_path / name).read_text()
    assert (tmp_path / "again.json").read_text() == (tmp_path / "run.json").read_text()
    assert command_line("judge", "run.json", "--format", "ktap").output.startswith("KTAP version 1\n")
    assert "differently" in command_line("judge", "run.json", "--format", "ktap").errors
    for words in ((), ("-o", "run.md")):  # which have no pictures
        ended = command_line("report", "run.json", "--benchmarks", "bench.json", *words)
        assert (ended.status, "--benchmarks is for the page of a run" in ended.errors) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "pdf"), "there is no format 'pdf'. Formats: json, junit, ktap, markdown, html"),
        (("-o", "run.pdf"), "its ending names no format"),
        (("--json", "-", "--html", "-"), "Standard output can hold one format, not json and html"),
        (("-o", "none/run.html"), "none/run.html cannot be written"),
    ],
)
def test_where_results_cannot_go_is_seen_before_a_device_is_opened(
    command_line: CommandLine, words: tuple[str, ...], message: str
) -> None:
    opened = fake_device.FakeDevice.opened
    ended = command_line("verify", *words)
    assert (ended.status, ended.output) == (2, "")
    assert message in ended.errors
    assert fake_device.FakeDevice.opened == opened


def test_a_missing_facility_is_an_error_of_the_measurement(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"pages": Measurement("pages", "Which.", lambda device: Need.KCORE.require(device.facts))}
    monkeypatch.setattr(MEASUREMENTS, "all", lambda: known)
    ended = command_line("measure", "pages")
    assert ended.status == 4
    assert "binder-harness: pages cannot be measured here: needs /proc/kcore: this kernel" in ended.errors


@dataclass
class Figures:
    largest: int
    steps: tuple[int, ...]
    architecture: str


# --- doctor ---


def test_doctor_shows_what_fixes_it(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    check = emulator.kinds.doctor.Check
    found = [check("qemu", True, "runs"), check("make", False, "builds", "sudo apt-get install make")]
    monkeypatch.setattr(emulator.kinds.doctor, "checks", lambda: found)
    ended = command_line("doctor")
    assert ended.status == 4
    assert "sudo apt-get install make" in ended.output
    monkeypatch.setattr(emulator.kinds.doctor, "checks", lambda: found[:1])
    assert command_line("doctor").status == 0


def test_doctor_shows_the_facts_of_a_device(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator.kinds.doctor, "checks", list)
    binder = BinderReport(
        "Rust driver",
        1_040_384,
        520_192,
        15,
        (
            ManagedNode("/dev/binder", False, "its service manager speaks Android 14"),
            ManagedNode("/dev/binderfs/hwbinder", False, "left alone"),  # as long as there is room
        ),
    )
    monkeypatch.setattr("harness.device.binder_report.report_binder", lambda _device: binder)
    output = command_line("doctor", "--target", "embedded").output
    assert "Binder                Rust driver" in output
    assert "driver features       extended_error, freeze_notification" in output
    assert "/dev/binder           its service manager speaks Android 14" in output
    assert "/dev/binderfs/hwbinder\n                      left alone" in output
    assert "root                  yes" in output
    assert "1,040,384 bytes in a call, 520,192 in a one-way call" in " ".join(output.split())
    assert "6.12.48+deb12-amd64" in output
    assert "BINDER_VERSION, BINDER_WRITE_READ" in output
    assert "needs /proc/kcore: this kernel has no /proc/kcore" in " ".join(output.split())


# --- shell, repl, boot ---


def test_shell_runs_adb_and_passes_its_status_on(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    adb = tmp_path / "adb"
    adb.write_text('#!/bin/sh\necho "$@"\nexit 7\n')
    adb.chmod(0o755)
    monkeypatch.setattr("harness.commands.devices.adb.adb_program", lambda: str(adb))
    ended = command_line("shell", "ls", "-l", "--color")
    assert ended.status == 7
    words = ended.output.split()
    assert (words[0], words[2:]) == ("-s", ["shell", "ls", "-l", "--color"])
    assert command_line("shell", "--target", "embedded", "--", "ps").output.split()[-1] == "ps"


ADB_41 = "#!/bin/sh\necho Android Debug Bridge version 1.0.41\n"


@pytest.mark.parametrize(
    ("on_path", "chosen"),
    [
        (ADB_41, "path"),
        (ADB_41.replace("41", "39"), "bundled"),
        ("#!/no/such/interpreter\n", "bundled"),
        ("#!/bin/sh\nexec sleep 600\n", "bundled"),
    ],
)
def test_an_adb_of_the_server_s_version_is_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, on_path: str, chosen: str
) -> None:
    for name, program in (("path", on_path), ("bundled", ADB_41)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "adb").write_text(program)
        (tmp_path / name / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "path"), prepend=os.pathsep)
    adb = adb_of_version(41, str(tmp_path / "bundled" / "adb"), seconds=1.0)
    assert adb == str(tmp_path / chosen / "adb")


def test_a_server_of_our_own_is_there_before_its_version_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one's may be ending: it accepts a connection, and resets it."""
    order: list[str] = []

    def version(_: AdbClient) -> int:
        order.append("asked")
        return 41

    monkeypatch.setattr(AdbClient, "ensure_server", lambda _: order.append("ensured"))
    monkeypatch.setattr(AdbClient, "server_version", version)
    assert adb_program()
    assert order == ["ensured", "asked"]


def test_repl_defines_a_device(tmp_path: Path) -> None:
    with _start(tmp_path, "repl") as process:
        output, errors = process.communicate(
            "print('serial', device.serial, Binder, Parcel)\ndevice.facts\n"
            "print('raw', commands.Acquire(1), returns.Noop(), TransactionFlag(1))\n"
            "print(ServiceManager, open_pair)\n",
            timeout=SECONDS,
        )
    assert process.returncode == 0
    assert "serial fake-" in output
    assert "raw Acquire(" in output
    assert "The device fake-" in errors
    imports = re.sub(r"\n {4}", " ", errors.partition("Defined: device, and\n")[2])
    origins = dict(re.findall(r"^  from (\S+) import +(.*)$", imports, re.MULTILINE))
    assert "Parcel" in origins["harness"]
    assert "open_pair" in origins["harness.binder"]
    assert "Parcel," not in origins["harness.binder"], "each name is there once"
    for origin, names in origins.items():
        exec(f"from {origin} import {names}", {})
    assert "Facts(\n    architecture='x86_64',\n" in output
    assert 'Binder.open(server, "/dev/vndbinder"' in errors
    assert (tmp_path / "closed").exists()


class DeviceThatIsLost(fake_device.FakeDevice):
    """A device that adb loses twice: first because its server ended, then because the device ended."""

    def __init__(self) -> None:
        super().__init__()
        self.happened: list[str] = []
        self.controller = self
        self.deaths = 0
        """How many of its stand-ins die immediately."""

    def state_of(self, serial: str) -> str:
        assert serial == self.serial
        if self.happened.count("end") < self.deaths:
            return "device"
        if "reconnect" not in self.happened:
            return "gone"
        self.alive = False
        return "device"

    def reconnect(self, deadline: Deadline) -> None:
        assert deadline.seconds > 10
        self.happened.append("reconnect")

    def reset_after_reboot(self) -> None:
        self.happened.append("reset")

    @contextlib.contextmanager
    def open_framework(self, device: fake_device.FakeDevice) -> Iterator[SimpleNamespace]:
        assert device is self
        self.happened.append("stand-in")
        program = SimpleNamespace(
            ended=self.happened.count("stand-in") <= self.deaths,
            wait=lambda _: ExitStatus(signal=11),
            standard_error="out of memory\n",
        )
        yield SimpleNamespace(stand_in=True, program=program)
        self.happened.append("end")


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> DeviceThatIsLost:
    device = DeviceThatIsLost()
    monkeypatch.setattr(sys.modules["harness.device.device"], "open_device", lambda _: device)
    monkeypatch.setattr("emulator.adb.client.AdbClient.state", lambda _, serial: device.state_of(serial))
    monkeypatch.setattr("harness.framework.standin.open_framework", device.open_framework)
    monkeypatch.setattr("harness.commands.devices.boot.POLL_SECONDS", 0.01)
    return device


def test_boot_shows_the_next_commands_and_reports_a_loss(
    command_line: CommandLine, lost: DeviceThatIsLost
) -> None:
    ended = command_line("boot")
    assert ended.status == 3
    assert ended.output.count(f"adb -s {lost.serial} shell") == 2
    assert f"The device {lost.serial} ended by itself" in ended.errors
    assert fake_device.CONSOLE in ended.errors


def test_boot_connects_adb_again(command_line: CommandLine, lost: DeviceThatIsLost) -> None:
    """And starts the stand-in again, which ran on the lost connection."""
    ended = command_line("boot", "--activity-standin")
    assert lost.happened == ["stand-in", "end", "reconnect", "reset", "stand-in"]
    assert f"adb no longer reaches {lost.serial}: connecting again" in ended.errors
    assert f"adb is connected to {lost.serial} again" in ended.output
    assert f"{lost.serial} shell cmd activity broadcast -a " in ended.output


def test_boot_starts_the_stand_in_again(command_line: CommandLine, lost: DeviceThatIsLost) -> None:
    lost.deaths = 1
    ended = command_line("boot", "--activity-standin")
    assert lost.happened == [
        "stand-in",
        "end",
        "reset",
        "stand-in",
        "end",
        "reconnect",
        "reset",
        "stand-in",
    ]
    assert "the stand-in was killed by SIGSEGV (out of memory): starting it again" in ended.errors
    assert f"the stand-in runs again on {lost.serial}" in ended.output
    assert f"adb is connected to {lost.serial} again, and the stand-in runs there" in ended.output
    assert ended.status == 3


def test_boot_ends_if_the_stand_in_dies_immediately_after_its_restart(
    command_line: CommandLine, lost: DeviceThatIsLost
) -> None:
    lost.deaths = 2
    ended = command_line("boot", "--activity-standin")
    assert lost.happened == ["stand-in", "end", "reset", "stand-in", "end"]
    assert ended.status == 1
    assert "started again" in ended.errors
    assert "was killed by SIGSEGV (out of memory)." in ended.errors


def test_shell_and_repl_start_the_stand_in(
    command_line: CommandLine, lost: DeviceThatIsLost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.commands.devices.adb.adb_program", lambda: "true")
    assert command_line("shell", "--activity-standin", "cmd", "activity").status == 0
    monkeypatch.setattr("code.interact", lambda _, local, **__: lost.happened.append(str(sorted(local))))
    assert command_line("repl", "--activity-standin").status == 0
    opened, ended, opened_again, names, ended_again = lost.happened
    assert (opened, ended, opened_again, ended_again) == ("stand-in", "end", "stand-in", "end")
    assert {"Intent", "device", "open_receiver"} <= set(ast.literal_eval(names))
    command_line("shell", "true")
    assert len(lost.happened) == 5


# --- which device ---


@pytest.mark.parametrize("words", [("boot", "avd:one"), ("boot", "--target", "avd:one"), ("boot",)])
def test_a_target_is_an_argument_an_option_or_a_variable(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def refuse(target: str) -> None:
        raise UsageError(f"asked for {target}")

    monkeypatch.setattr(sys.modules["harness.device.device"], "open_device", refuse)
    monkeypatch.setattr("emulator.kinds.doctor.checks", list)
    monkeypatch.setenv("BINDER_HARNESS_TARGET", "avd:two" if len(words) > 1 else "avd:one")
    assert "asked for avd:one" in command_line(*words).errors
    for command in ("doctor", "repl"):
        assert "asked for avd:one" in command_line(command, *words[1:]).errors


@pytest.mark.parametrize("command", ["boot", "doctor", "repl"])
def test_two_targets_are_a_usage_error(command_line: CommandLine, command: str) -> None:
    ended = command_line(command, "avd:one", "--target", "avd:two")
    assert (ended.status, "'avd:one' and --target 'avd:two'" in ended.errors) == (2, True)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_reported_in_one_line(unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", MAIN, "list"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert ended.returncode == 1
    assert (
        ended.stderr
        == "binder-harness: No space left on device: free some space, or write to another disk.\n"
    )
