"""Claims judged by several processes, each with a device of its own, in one run of `verify`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from emulator.target import parse_target
from harness.commands.claims.jobs import jobs_for
from harness.matrix.claim_queue import CLAIMS_WORTH_A_CLONE, ClaimQueue
from tests.support import fake_device
from tests.support.own_claims import written
from tests.support.processes import descendants, has_ended

ROOT = Path(__file__).parents[4]
FAKES = "import tests.support.fake_device_plugin"
MAIN = "from harness.cli import main; main()"
WITH_CLONES = f"""
import sys
{FAKES}
from harness.matrix import worker_process
worker_process.COMMAND = (sys.executable, "-c", {f"{FAKES}; {MAIN}"!r})
{MAIN}
"""
NO_QEMU = f"""
{FAKES}
import sys
from tests.support import fake_device
sys.modules["harness.device.device"] = fake_device.device_module(missing="There is no QEMU.")
{MAIN}
"""
SECONDS = 60.0


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(fake_device.CLOSED_LOG, str(tmp_path / "closed"))
    for name in ("TARGET", "HOST", "JSON", "TIME_LIMIT", "DEBUG"):
        monkeypatch.delenv(f"BINDER_HARNESS_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


Ended = subprocess.CompletedProcess[str]


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Ended, dict[str, Any]]]:
    """Judges these claims on two clones; how that ended, and the document."""

    def run(claims: str, *words: str, program: str = WITH_CLONES) -> tuple[Ended, dict[str, Any]]:
        monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", claims)
        ended = subprocess.run(
            [sys.executable, "-c", program, "verify", "-j", "2", "--json", "run.json", *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return ended, json.loads(Path("run.json").read_text())

    return run


Verify = Callable[..., tuple[Ended, dict[str, Any]]]


def test_the_results_are_those_of_one_device_in_their_order(
    verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise one process may have judged everything before the other one has a device.
    monkeypatch.setenv(fake_device.TOGETHER, str(tmp_path / "together"))
    (tmp_path / "together").mkdir()
    ended, document = verify("", "--junit", "junit.xml")
    assert ended.returncode == 0
    assert [claim["id"] for claim in document["claims"]] == list(fake_device.AS_EXPECTED)
    assert document["device"]["kernel_release"] == fake_device.FACTS.kernel_release
    shown = [line.partition("] ")[2].partition(":")[0] for line in ended.stderr.splitlines() if "] " in line]
    assert shown == list(fake_device.AS_EXPECTED)
    assert "starting embedded" in ended.stderr
    assert "mmap.once" in (tmp_path / "junit.xml").read_text()
    serials = (tmp_path / "closed").read_text().split()
    assert len(serials) == len(set(serials)) == 2


def test_every_process_judges_claims_from_elsewhere(verify: Verify, tmp_path: Path) -> None:
    own = written(tmp_path / "with a blank")
    ended, document = verify("mmap.once sm.single", "--claims", str(own.relative_to(tmp_path)))
    assert ended.returncode == 0, ended.stderr
    assert [claim["id"] for claim in document["claims"]] == ["mmap.once", "sm.single", "own.doors"]
    assert [text["letter"] for text in document["stated_in"]] == ["A", "B", "Z"]
    assert "There are three doors." in ended.stdout


def test_a_process_that_is_killed_loses_only_its_claim(verify: Verify) -> None:
    ended, document = verify("mmap.once mmap.first-page limit.figure proto.killed proto.breaks sm.single")
    verdicts = {claim["id"]: claim["verdict"] for claim in document["claims"]}
    assert verdicts == {
        "mmap.once": "confirmed",
        "mmap.first-page": "refuted",
        "limit.figure": "confirmed",
        "proto.killed": "lost",
        "proto.breaks": "error",
        "sm.single": "confirmed",
    }
    assert ended.returncode == 3
    assert "ended by SIGKILL" in ended.stdout + ended.stderr


def test_a_lost_device_is_replaced(verify: Verify) -> None:
    ended, document = verify("mmap.once proto.dies sm.single")
    verdicts = [(claim["id"], claim["verdict"]) for claim in document["claims"]]
    assert verdicts == [("mmap.once", "confirmed"), ("proto.dies", "lost"), ("sm.single", "confirmed")]
    assert ended.returncode == 3


def test_without_a_device_the_run_ends_with_the_reason(verify: Verify) -> None:
    ended, document = verify("", program=NO_QEMU)
    assert ended.returncode == 4
    assert "There is no QEMU." in ended.stderr
    assert (document["claims"], document["device"]) == ([], None)


def test_what_pytest_deselects_is_not_judged(verify: Verify) -> None:
    ended, document = verify("", "--", "-k", "once or single")
    assert ended.returncode == 0
    assert [claim["id"] for claim in document["claims"]] == ["mmap.once", "sm.single"]


def test_an_interruption_ends_the_processes_and_keeps_the_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", "mmap.once proto.waits sm.single")
    command = [sys.executable, "-c", WITH_CLONES, "verify", "-j", "2", "--json", "run.json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "mmap.once: confirmed" in line:
                break
        started = set(descendants(process.pid))
        os.kill(process.pid, signal.SIGINT)
        process.stderr.read()
        assert process.wait(SECONDS) == 130
    assert started
    Deadline(SECONDS).poll(lambda: all(map(has_ended, started)), "the end of the processes")
    document = json.loads((tmp_path / "run.json").read_text())
    assert (document["interrupted"], document["claims"][0]["id"]) == ("SIGINT", "mmap.once")


def test_claims_that_have_to_be_alone_come_last_and_one_at_a_time() -> None:
    ids = ("sm.alone", "mmap.one", "mmap.two", "sm.alone-too")
    queue = ClaimQueue(ids, alone=lambda claim: "alone" in claim)
    assert [queue.take(), queue.take()] == ["mmap.one", "mmap.two"]
    taken: list[str | None] = []

    def take_all() -> None:
        while (claim := queue.take()) is not None:
            taken.append(f"+{claim}")
            taken.append(f"-{claim}")
            queue.done(claim)

    threads = [threading.Thread(target=take_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    queue.done("mmap.one")
    assert taken == []
    queue.done("mmap.two")
    for thread in threads:
        thread.join(SECONDS)
    assert taken == ["+sm.alone", "-sm.alone", "+sm.alone-too", "-sm.alone-too"]


def test_a_claim_that_is_put_back_is_the_next() -> None:
    queue = ClaimQueue(["mmap.one", "mmap.two"], alone=lambda _: False)
    assert queue.take() == "mmap.one"
    queue.put_back("mmap.one")
    assert [queue.take(), queue.take()] == ["mmap.one", "mmap.two"]
    queue.done("mmap.one")
    queue.done("mmap.two")
    assert queue.take() is None


def test_who_finds_no_claim_waits_for_one_that_may_be_put_back() -> None:
    """A run waited for ever: its last claim was put back when nobody was left to take it."""
    queue = ClaimQueue(["mmap.one"], alone=lambda _: False)
    assert queue.take() == "mmap.one"
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(queue.take)
        with pytest.raises(TimeoutError):
            other.result(0.2)
        queue.put_back("mmap.one")
        assert other.result(SECONDS) == "mmap.one"
        waiting = pool.submit(queue.take)
        queue.clear()
        assert waiting.result(SECONDS) is None
    queue.put_back("mmap.one")
    assert queue.take() is None


def test_only_a_device_that_can_be_cloned_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    embedded, many = parse_target("embedded"), 10 * CLAIMS_WORTH_A_CLONE
    assert jobs_for(embedded, many, None) == 3
    assert jobs_for(embedded, 2 * CLAIMS_WORTH_A_CLONE, None) == 2
    assert jobs_for(embedded, 1, None) == jobs_for(embedded, 0, None) == jobs_for(embedded, many, 1) == 1
    assert jobs_for(embedded, 4, 9) == 4
    for target in map(parse_target, ("embedded?start=cold", "embedded?host=ssh://a@b", "adb:serial")):
        assert jobs_for(target, many, None) == jobs_for(target, many, 1) == 1
        with pytest.raises(UsageError, match=r"--jobs 2: .* has no clones"):
            jobs_for(target, many, 2)
