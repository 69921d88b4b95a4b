"""`matrix` and `diff` on the command line: the devices are fakes, the processes that judge are real."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster, Security, default_client

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.base.interruption import Interrupted
from harness.cli import main
from harness.commands.claims.live import matrix_view
from harness.commands.claims.live.matrix_view import MatrixView
from harness.experiments.core.claim import CLAIMS
from harness.matrix import target_run, worker_process, workers
from harness.matrix.local import judge_locally
from harness.matrix.selection import Selection
from harness.report.matrix import Column, Matrix
from tests.support import fake_device, own_claims
from tests.support.fake_device import FACTS
from tests.support.fake_documents import ARM_16K, document_on, matrix_of
from tests.support.own_claims import unchanged_registries
from tests.support.processes import descendants, has_ended
from tests.support.recorder import Recorder

__all__ = ["unchanged_registries"]

ROOT = Path(__file__).parents[4]
SECONDS = 30.0
FAKES = "import tests.support.fake_device_plugin"
MAIN = "from harness.cli import main; main()"
MISSING = f"""
import sys
{FAKES}
from tests.support import fake_device
if any("memory" in word for word in sys.argv):
    sys.modules["harness.device.device"] = fake_device.device_module(missing="There is no QEMU.")
{MAIN}
"""
BOTH = ("--target", "embedded", "--target", "embedded?memory=256")
THREE = (*BOTH, "--target", "embedded?memory=257")
FILES = ("--json", "matrix.json", "--html", "matrix.html")


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Processes with the fake device and claims, and an environment without options."""
    monkeypatch.setattr(CLAIMS, "all", fake_device.choose)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(fake_device.CLOSED_LOG, str(tmp_path / "closed"))
    for name in ("TARGET", "JSON", "TIME_LIMIT", "HOST", "DEBUG", "SCHEDULER"):
        monkeypatch.delenv(f"BINDER_HARNESS_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    run_children(monkeypatch, f"{FAKES}; {MAIN}")


def run_children(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(worker_process, "COMMAND", (sys.executable, "-c", program))


def choose(monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    monkeypatch.setattr(CLAIMS, "all", lambda: fake_device.choose(*ids))
    monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", " ".join(ids))


def status_of(*words: str) -> int | str | None:
    """The exit status of `binder-harness` with these words, in this process."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code


def judge(*targets: str) -> dict[str, Column]:
    """The columns of these devices, two at a time."""
    recorder = Recorder()
    judge_locally(targets, Selection(list(CLAIMS.all())), jobs=2, view=recorder)
    return {column.target: column for column in recorder.columns}


def test_every_device_has_its_column(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("BINDER_HARNESS_JSON", "of-verify.json")
    assert status_of("matrix", *BOTH, "-j", "2", *FILES) == 0
    output, errors = capfd.readouterr()
    assert "4 claims on 2 devices: no difference, all as expected" in output
    assert "embedded [ 0/4] starting embedded" in errors
    assert errors.count("mmap.once: confirmed") == 2
    assert "[  8/8]" in errors
    matrix = Matrix.load(tmp_path / "matrix.json")
    assert [column.target for column in matrix.columns] == ["embedded", "embedded?memory=256"]
    assert [document.target for document in matrix.documents] == ["embedded", "embedded?memory=256"]
    for document in matrix.documents:
        assert [result.id for result in document.claims] == list(fake_device.AS_EXPECTED)
        assert document.device == fake_device.FACTS
    assert "Binder on 2 devices" in (tmp_path / "matrix.html").read_text()
    assert not (tmp_path / "of-verify.json").exists()
    assert len((tmp_path / "closed").read_text().splitlines()) == 2


@pytest.mark.usefixtures("unchanged_registries")
def test_each_device_has_claims_from_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(CLAIMS, "all", lambda: fake_device.choose() | own_claims.loaded())
    own = own_claims.written(tmp_path)
    assert status_of("matrix", *BOTH, "--claims", str(own), "own", "mmap", *FILES) == 0
    for document in Matrix.load(tmp_path / "matrix.json").documents:
        assert [result.id for result in document.claims] == ["mmap.once", "mmap.first-page", "own.doors"]
        assert [text.letter for text in document.stated_in] == ["A", "B", "Z"]
    page = (tmp_path / "matrix.html").read_text()
    assert '<a href="https://wiki.example.com/guide" rel="noreferrer"><cite>Our guide</cite></a>' in page
    assert f"verify -v own.doors --claims {own}" in page
    assert f"load_claims([&#39;{own}&#39;])" in page


def test_the_others_are_judged_without_a_device_that_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run_children(monkeypatch, MISSING)
    assert status_of("matrix", *BOTH, "-j", "1", "mmap") == 4
    output, errors = capfd.readouterr()
    assert "2  embedded?memory=256  no device\n   There is no QEMU." in output
    assert "2 claims on 2 devices: no difference, failures on 1" in output
    assert "embedded?memory=256 [0/2] failed: There is no QEMU." in errors.replace("[ 0/2]", "[0/2]")


def test_a_matrix_that_is_interrupted_before_it_begins_leaves_no_journal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(matrix_view, "matrix_view", interrupted)
    assert status_of("matrix", *BOTH, "--json", "matrix.json") == 130
    assert list(tmp_path.glob("matrix.json*")) == []


def test_an_error_of_several_lines_is_one_line_of_progress(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run_children(monkeypatch, MISSING.replace("There is no QEMU.", f"It has:\\n  one\\n{' two' * 99}"))
    assert status_of("matrix", "--target", "embedded?memory=256") == 4
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "failed: " in line)
    assert "failed: It has: one two two " in line
    assert line.endswith(" two …")


def test_a_lost_device_has_its_results_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "mmap.once", "proto.dies", "sm.single")
    column = judge("embedded")["embedded"]
    assert (column.exit_code, len(column.failures), len(column.document.claims)) == (3, 1, 3)


def test_a_process_that_is_killed_loses_only_its_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that were left were not judged."""
    choose(monkeypatch, "mmap.once", "proto.killed", "sm.single")
    column = judge("embedded")["embedded"]
    verdicts = [str(result.verdict) for result in column.document.claims]
    assert (column.exit_code, verdicts) == (3, ["confirmed", "lost", "confirmed"])
    assert [failure.message for failure in column.failures] == ["The run on this device ended by SIGKILL."]


def test_a_target_gets_the_device_that_no_other_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(monkeypatch, "mmap.once", "proto.waits", "sm.single")
    program = f"from harness.matrix import target_run; target_run.CLAIMS_WORTH_A_CLONE = 1\n{PARENT}"
    command = [sys.executable, "-c", program, "matrix", "--target", "embedded", "-j", "2", *FILES]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        limit = threading.Timer(SECONDS, process.kill)
        limit.start()
        awaited = {"sm.single: confirmed", "waiting"}  # on one device, and on the other
        while awaited:
            awaited.discard(process.stderr.readline().rpartition("] ")[2].rstrip())
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait(SECONDS) == 130
        limit.cancel()
    assert len((tmp_path / "closed").read_text().splitlines()) == 2
    (document,) = Matrix.load(tmp_path / "matrix.json").documents
    assert [result.id for result in document.claims] == ["mmap.once", "sm.single"]
    assert document.not_judged == ("proto.waits",)


def test_a_process_that_dies_is_a_failure_with_its_last_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = "import os, sys; print('no memory', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
    run_children(monkeypatch, program)
    (failure,) = judge("embedded")["embedded"].failures
    assert failure.message == "The run on this device ended by SIGKILL.\nno memory"
    assert failure.exit_code == 3
    run_children(monkeypatch, "raise SystemExit(2)")
    column = judge("embedded")["embedded"]
    assert column.failures[0].message == "The run on this device ended with status 2."
    assert column.exit_code == 2


def test_a_run_above_its_time_limit_is_killed_if_it_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    run_children(monkeypatch, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()")
    column = target_run.judge_on(
        "embedded",
        Selection(list(CLAIMS.all())),
        view=Recorder(),
        ended_by=lambda: None,
        seconds=0.5,
        seconds_to_end=0.5,
    )
    (failure,) = column.failures
    assert failure.message == "The run was aborted: not done within 0.5 s"


def test_after_the_end_of_the_matrix_no_run_is_started() -> None:
    recorder, claims = Recorder(), list(CLAIMS.all())
    end = Interrupted(signal.SIGTERM)
    column = target_run.judge_on("embedded", Selection(claims), view=recorder, ended_by=lambda: end)
    assert recorder.starts == []
    assert (column.exit_code, column.failures) == (143, ())
    assert (column.document.interrupted, column.document.not_judged) == ("SIGTERM", tuple(claims))


@pytest.mark.parametrize(
    "words",
    [
        ("--target", "nothing"),
        ("--target", "embedded", "--target", "embedded"),
        ("--target", "embedded?memory=256&pages=4k", "--target", "embedded?pages=4k&memory=256"),
        ("--target", "embedded", "--target", "embedded?pages=3k"),
        ("no.such-claim",),
        ("-j", "0"),
        ("--json", "/dev/null"),
        ("--html", "none/matrix.html"),
    ],
)
def test_wrong_usage_is_reported_before_a_device_is_opened(words: tuple[str, ...], tmp_path: Path) -> None:
    assert status_of("matrix", *words) == 2
    assert not (tmp_path / "closed").exists()


# --- interruptions and errors ---

PARENT = f"""
import os, signal, sys
{FAKES}
from harness.matrix import worker_process
from harness.matrix.worker_process import WorkerProcess
terminate = WorkerProcess.terminate
def terminate_while_the_user_presses_again(process):
    os.kill(os.getpid(), signal.SIGINT)
    terminate(process)
WorkerProcess.terminate = terminate_while_the_user_presses_again
worker_process.COMMAND = (sys.executable, "-c", "{FAKES}; {MAIN}")
{MAIN}
"""


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A matrix of three devices, two of them judging a claim; its user presses Ctrl-C twice."""
    choose(monkeypatch, "mmap.once", "proto.waits")
    with subprocess.Popen(
        [sys.executable, "-u", "-c", PARENT, "matrix", *THREE, "-j", "2", *FILES],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        limit = threading.Timer(SECONDS, process.kill)
        limit.start()
        assert process.stderr is not None
        waits = 0
        while waits < 2:
            waits += process.stderr.readline().endswith("waiting\n")
            assert process.poll() is None
        yield process
        limit.cancel()
        process.kill()


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_devices_and_shows_the_results_so_far(
    waiting: subprocess.Popen[str], sent: signal.Signals, status: int, tmp_path: Path
) -> None:
    waiting.send_signal(sent)
    output, errors = waiting.communicate(timeout=SECONDS)
    assert waiting.returncode == status, errors
    assert "Traceback" not in errors
    assert "mmap.once" in output
    assert len((tmp_path / "closed").read_text().splitlines()) == 2
    matrix = Matrix.load(tmp_path / "matrix.json")
    assert matrix.interrupted == sent.name
    judged = [[result.id for result in document.claims] for document in matrix.documents]
    assert judged == [["mmap.once"], ["mmap.once"], []]
    assert {document.interrupted for document in matrix.documents} == {sent.name}
    assert {(column.exit_code, column.failures) for column in matrix.columns} == {(status, ())}
    assert matrix.documents[2].not_judged == ("mmap.once", "proto.waits")
    ended = f"the run was interrupted by {sent.name}"
    conclusion = (
        f"1 of 2 claims on 3 devices: no difference, interrupted by {sent.name} after 2 of 6 judgements"
    )
    assert conclusion in output
    assert output.count(f"\n   {ended}\n") == 3
    assert errors.count(f"interrupted by {sent.name}\n") == 3
    assert errors.count(f"ended by {sent.name}\n") == 1
    page = (tmp_path / "matrix.html").read_text()
    assert conclusion in page
    assert page.count(f"{ended}\n") == 3


def test_an_interruption_before_any_device_has_a_column_for_each(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("harness.matrix.local.judge_locally", interrupt)
    assert status_of("matrix", *BOTH, "--json", "matrix.json") == 130
    matrix = Matrix.load(tmp_path / "matrix.json")
    assert [column.exit_code for column in matrix.columns] == [130, 130]
    assert "0 of 4 claims on 2 devices: no claim was judged, interrupted by SIGINT" in capfd.readouterr().out


@pytest.mark.parametrize("targets", [BOTH, BOTH[:2]])
def test_an_error_shows_and_writes_the_results_so_far(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    targets: tuple[str, ...],
) -> None:
    def fail_afterwards(targets: list[str], selection: Selection, *, jobs: int, view: MatrixView) -> None:
        assert (selection.sources, selection.java) == ((), False)
        judge_locally(targets[:1], selection, jobs=jobs, view=view)
        raise SetupError("There is no process left.")

    monkeypatch.setattr("harness.matrix.local.judge_locally", fail_afterwards)
    assert status_of("matrix", *targets, *FILES) == 4
    output, errors = capfd.readouterr()
    assert "mmap.once" in output
    page = (tmp_path / "matrix.html").read_text()
    for shown in (output, page):
        assert ", interrupted by an error after 4 of " in shown, "it is marked as incomplete"
    assert "SIG" not in output + errors + page + (tmp_path / "matrix.json").read_text()
    assert "binder-harness: There is no process left." in errors
    matrix = Matrix.load(tmp_path / "matrix.json")
    assert [len(document.claims) for document in matrix.documents] == [4, 0][: len(targets) // 2]
    assert matrix.interrupted == "an error"
    assert {document.interrupted for document in matrix.documents} == {None}
    for column in matrix.columns[1:]:
        (failure,) = column.failures
        assert failure.message == "The run was aborted: There is no process left."
        assert (failure.exit_code, column.exit_code) == (4, 4)
        assert failure.message in output
        assert failure.message in page
    assert "mmap.once" in page


def test_an_error_before_any_device_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SetupError("There is no process left.")

    monkeypatch.setattr("harness.matrix.local.judge_locally", fail)
    assert status_of("matrix", *BOTH, *FILES) == 4
    assert capfd.readouterr() == ("", "binder-harness: There is no process left.\n")
    assert list(tmp_path.glob("matrix.json*")) == []


@pytest.mark.parametrize(
    ("words", "java"),
    [((), False), (("mmap",), True), (("mmap", "--no-java"), False), (("--java",), True)],
)
def test_java_is_put_on_devices_for_claims_that_are_named(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], java: bool
) -> None:
    asked: list[object] = []

    def fail(_: list[str], selection: Selection, **__: object) -> None:
        asked.append(selection.java)
        raise SetupError("There is no process left.")

    monkeypatch.setattr("harness.matrix.local.judge_locally", fail)
    assert status_of("matrix", *words, *BOTH) == 4
    assert asked == [java]


@pytest.mark.parametrize(
    ("full", "written"),
    [("json", ["matrix.html"]), ("html", ["matrix.json"]), ("json html", []), ("table", list(FILES[1::2]))],
)
def test_each_output_is_written_though_another_fails(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    full: str,
    written: list[str],
) -> None:
    def fail(*_: object) -> None:
        raise SetupError("It cannot be written: No space left on device")

    places = {
        "json": "harness.report.stored.write",
        "html": "harness.report.page.html.render",
        "table": "harness.report.terminal.matrix_table.show",
    }
    for output in full.split():
        monkeypatch.setattr(places[output], fail)
    assert status_of("matrix", *BOTH, "mmap.once", *FILES) == 4
    output, errors = capfd.readouterr()
    assert ("1 claim on 2 devices: no difference" in output) == (full != "table")
    kept = {"matrix.json.partial"} if "json" in full.split() else set()
    assert {path.name for path in tmp_path.glob("matrix.*")} == {*written, *kept}
    assert all(f": {name}\n" in output for name in written)
    assert errors.count("binder-harness: It cannot be written: No space left") == len(full.split())


def test_a_killed_matrix_leaves_no_process(waiting: subprocess.Popen[str]) -> None:
    children = set(descendants(waiting.pid))
    assert len(children) == 2
    waiting.kill()
    Deadline(SECONDS).poll(lambda: all(map(has_ended, children)), "the end of the processes")


# --- schedulers that cannot be used ---


def test_without_dask_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert status_of("matrix", "--scheduler", "local") == 4
    assert "pip install 'binder-harness[scheduler]'" in capfd.readouterr().err


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://127.0.0.1:1", "127.0.0.1", ""])
def test_a_scheduler_that_does_not_reply_is_named(capfd: pytest.CaptureFixture[str], address: str) -> None:
    with pytest.raises(SetupError, match=f"No Dask scheduler replies at {address}") as raised:
        workers.judge_on_workers(
            ["embedded"],
            Selection(["mmap.once"]),
            scheduler=address,
            jobs=1,
            view=Recorder(),
            connect_seconds=0.5,
        )
    assert raised.value.exit_code == 4
    assert "Traceback" not in capfd.readouterr().err
    with pytest.raises(ValueError, match="No client"):  # half a client that is left may block a later one
        default_client()


@pytest.mark.parametrize("address", ["tls://127.0.0.1:1", "wss://127.0.0.1:1"])
def test_a_scheduler_with_tls_needs_a_certificate(address: str) -> None:
    with (
        pytest.raises(SetupError, match=f"{address} needs a certificate"),
        workers.client_of(address, jobs=1, connect_seconds=0.5, worker_seconds=0.2),
    ):
        pass
    with pytest.raises(ValueError, match="No client"):
        default_client()


def test_a_scheduler_without_workers_is_named_with_the_command_to_start_one() -> None:
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(SetupError, match=f"has no worker.*dask worker {address}"):
            workers.judge_on_workers(
                ["embedded"],
                Selection(["mmap.once"]),
                scheduler=address,
                jobs=1,
                view=Recorder(),
                worker_seconds=0.2,
            )


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("tcp://build-server:8786", True),
        ("build-server:8786", True),
        ("ws://192.0.2.1:8786", True),
        ("tcp://[2001:db8::1]:8786", True),
        ("tls://build-server:8786", False),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://[::1]:8786", False),
        ("localhost:8786", False),
        (workers.LOCAL, False),
    ],
)
def test_a_scheduler_elsewhere_without_tls_is_warned_about(address: str, warned: bool) -> None:
    assert workers.unprotected(address) is warned


def test_the_warning_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)  # nothing is connected to
    assert status_of("matrix", "--scheduler", "tcp://192.0.2.1:1") == 4
    assert "run code on this machine and on its workers. Use tls://" in capfd.readouterr().err


def test_nobody_else_can_connect_to_a_local_scheduler() -> None:
    with workers.client_of(workers.LOCAL, jobs=1, connect_seconds=10.0, worker_seconds=SECONDS) as client:
        info = client.scheduler_info()
        assert [address.partition("//")[0] for address in (info["address"], *info["workers"])] == ["tls:"] * 2
        for security in (None, Security.temporary()):  # without TLS, and with a certificate of their own
            address = info["address"] if security else info["address"].replace("tls:", "tcp:")
            with pytest.raises(OSError, match=r"imed out|certificate does not match|closed"):
                Client(address, security=security, timeout=1, loop=client.loop)
        assert client.submit(sum, [1, 2]).result(timeout=SECONDS) == 3


# --- verify ---


def test_verify_writes_a_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "harness.device.device", fake_device.device_module())
    assert status_of("verify", "--html", "page.html") == 0
    assert "What mmap.first-page states." in (tmp_path / "page.html").read_text()
    assert status_of("verify", "--html", "/dev/null") == 2


# --- diff ---


def test_the_exit_status_of_diff() -> None:
    first, second = document_on(FACTS, target="a"), document_on(ARM_16K, target="b")
    first.write(Path("first.json"))
    second.write(Path("second.json"))
    third = document_on(ARM_16K, target="embedded?arch=arm64&pages=16k")
    matrix_of(first, second, third).write(Path("matrix.json"))
    for words, status in (
        (("first.json", "first.json"), 0),
        (("first.json", "second.json"), 1),
        (("matrix.json", "matrix.json"), 0),
        (("matrix.json", "first.json"), 1),
        (("matrix.json", "--between", "a", "a"), 0),
        (("matrix.json", "--between", "a", "b"), 1),
        (("matrix.json", "--between", "a", "c"), 2),
        (("matrix.json", "--between", "a", "embedded?pages=16k&arch=arm64"), 1),
        (("matrix.json", "--between", "embedded?arch=arm64&pages=16k", "embedded?pages=16k&arch=arm64"), 0),
        (("matrix.json", "first.json", "--between", "a", "b"), 2),
        (("first.json",), 2),
        (("first.json", "none.json"), 2),
    ):
        assert status_of("diff", *words) == status, words


def test_between_needs_a_matrix(capfd: pytest.CaptureFixture[str]) -> None:
    document_on().write(Path("run.json"))
    assert status_of("diff", "run.json", "--between", "embedded", "embedded") == 2
    assert "run.json is the result of one device, but --between needs a file that `matrix --json` wrote." in (
        capfd.readouterr().err
    )
