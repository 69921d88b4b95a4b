from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import CLAIMS
from tests.support import fake_device, own_claims

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "no:binder_harness", "-p", "harness.plugin.plugin")
ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake device here, and in every Python that a test starts."""
    monkeypatch.setitem(sys.modules, "harness.device.device", fake_device.device_module())
    monkeypatch.setattr("harness.binder.Binder", fake_device.FakeProcess, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("TARGET", "JSON", "TIME_LIMIT", "JAVA", "CLAIMS"):
        monkeypatch.delenv(f"BINDER_HARNESS_{name}", raising=False)
    choose(monkeypatch)


def choose(monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    monkeypatch.setattr(CLAIMS, "all", lambda: fake_device.choose(*ids))
    monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", " ".join(ids))


def test_the_fixtures_share_a_device_and_end_what_they_started(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        seen = []

        def test_process(device, process):
            server, client = process(uid=1000), process()
            assert server.options == {"uid": 1000}
            seen.append((device, device.processes[:]))

        def test_binder(device, process, binder):
            assert device is seen[0][0]
            assert all(process.closed for process in seen[0][1])
            server = process()
            manager = binder(server, size=4096)
            assert (manager.process, manager.node) == (server, "/dev/vndbinder")
            assert manager.options == {"size": 4096}
            assert binder().process is not server
            seen.append((device, [manager, server]))

        def test_closed():
            assert all(thing.closed for thing in seen[1][1])
        """
    )
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=3)


def test_a_fresh_device_is_rolled_back_before_and_after(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_one(fresh_device, device):
            assert fresh_device is device
            assert device.rollbacks == 1

        def test_next(device):
            assert device.rollbacks == 2
        """
    )
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=2)


def test_a_missing_facility_skips_and_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.requires("root")

        @pytest.fixture
        def broken():
            raise RuntimeError("comes too late to be set up")

        @pytest.mark.requires("kcore")
        def test_skipped(broken, process): ...

        @pytest.mark.parametrize("case", [1, pytest.param(2, marks=pytest.mark.requires("kcore"))])
        def test_cases(device, case): ...
        """
    )
    result = pytester.runpytest_inprocess(*PLUGIN, "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines("*needs /proc/kcore: this kernel has no /proc/kcore*")


def test_binder_is_skipped_without_a_free_node(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Facts(architecture="x86_64", page_size=4096, kernel_release="6", processors=1, memory_bytes=1)
    monkeypatch.setitem(sys.modules, "harness.device.device", fake_device.device_module(facts))
    pytester.makepyfile("def test_it(binder): ...")
    result = pytester.runpytest_inprocess(*PLUGIN, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(f"*{Need.FREE_BINDER.meaning}*")


@pytest.mark.parametrize("arguments", ["device", "tmp_path"])
@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("requires('roots')", "*test_it requires 'roots', which is not a facility*root, free_binder*"),
        ("requires('root', 7)", "*test_it requires 7, which is not a facility*root, free_binder*"),
        ("requires()", "*test_it requires nothing. Facilities: root, free_binder*"),
        ("requires", "*test_it requires nothing. Facilities: root, free_binder*"),
    ],
)
def test_an_unknown_facility_lists_the_valid_ones(
    pytester: pytest.Pytester, arguments: str, marker: str, message: str
) -> None:
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.{marker}\ndef test_it({arguments}): ...")
    result = pytester.runpytest_inprocess(*PLUGIN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(message)


def test_a_test_need_not_ask_for_the_device_to_require_something_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import unittest

        import pytest

        @pytest.mark.requires("kcore")
        def test_skipped(): ...

        @pytest.mark.requires("root")
        def test_run(): ...

        @pytest.mark.requires("kcore")
        class TestCase(unittest.TestCase):
            def test_skipped(self): ...
        """
    )
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1, skipped=2)


def test_another_suite_s_marker_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmarkers =\n    requires(what): skip without it")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.requires("a clear night")
        def test_it(): ...

        @pytest.mark.requires()
        def test_other(tmp_path): ...
        """
    )
    pytester.runpytest_inprocess(*PLUGIN, "--strict-markers").assert_outcomes(passed=2)


def test_another_suite_s_names_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def device():
            return "a telescope"

        @pytest.mark.requires("a clear night", 7)
        def test_it(device):
            assert device == "a telescope"

        @pytest.mark.requires("a dome")
        def test_other(): ...
        """
    )
    result = pytester.runpytest_inprocess(*PLUGIN, "--strict-markers")
    result.assert_outcomes(passed=2)


def test_the_plugin_costs_a_run_without_devices_little() -> None:
    """Nor does any part of it load what only devices and claims need."""
    program = "import harness.plugin.plugin, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not {
        "rich",
        "adbutils",
        "typer",
        "paramiko",
        "harness.device.device",
        "harness.experiments.core.claim",
    } & set(loaded)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--binder-time-limit=soon", "*--binder-time-limit*'soon'*seconds*"),
        ("--binder-time-limit=-1", "*--binder-time-limit (or BINDER_HARNESS_TIME_LIMIT): '-1' is no*"),
        ("--binder-time-limit=inf", "*--binder-time-limit*'inf'*"),
        ("--binder-java=maybe", "*--binder-java (or BINDER_HARNESS_JAVA): 'maybe' is neither yes nor no*"),
        ("--binder-json=none/results.json", "*--binder-json*No such file or directory*"),
        ("--binder-target=embeded", "*--binder-target*embedded*"),
    ],
)
@pytest.mark.parametrize("by_environment", [False, True])
def test_a_bad_option_is_a_usage_error(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    message: str,
    by_environment: bool,
) -> None:
    arguments = [option]
    if by_environment:
        name, _, value = option.removeprefix("--binder-").partition("=")
        monkeypatch.setenv(f"BINDER_HARNESS_{name.upper().replace('-', '_')}", value)
        arguments = []
    pytester.makepyfile("def test_it(device): ...")
    result = pytester.runpytest_inprocess(*PLUGIN, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(message)


def test_the_option_comes_before_the_environment(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINDER_HARNESS_JSON", "environment.json")
    result = pytester.runpytest_inprocess(
        *PLUGIN, "--binder-json=option.json", "--pyargs", "harness.experiments"
    )
    result.assert_outcomes(passed=3, skipped=1)
    assert [file.name for file in pytester.path.glob("*.json")] == ["option.json"]


def test_the_start_of_a_device_is_shown(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(device): ...")
    pytester.runpytest_inprocess(*PLUGIN).stdout.fnmatch_lines("starting embedded")


def test_a_lost_device_is_replaced_for_the_next_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        seen = []

        @pytest.fixture(scope="session")
        def on_device(device):
            return device.serial

        def test_before(device, on_device):
            seen.append(device)

        def test_dies(device):
            assert device is seen[0]
            device.alive = False
            raise BrokenPipeError("the stream ended")

        def test_after(device, on_device):
            assert device.alive
            assert device is not seen[0]
            assert on_device == device.serial
        """
    )
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*Device*", "*Kernel panic*"])
    assert result.ret == 3


def test_a_device_that_dies_unnoticed_counts_as_lost(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_dies(device):
            device.alive = False

        def test_after(device):
            assert device.alive
        """
    )
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=2)
    assert result.ret == 3


@pytest.mark.parametrize(("failure", "status"), [({"missing": "install qemu"}, 4), ({"lost": "no boot"}, 3)])
def test_without_a_device_the_status_says_why(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, failure: dict[str, str], status: int
) -> None:
    monkeypatch.setitem(sys.modules, "harness.device.device", fake_device.device_module(**failure))  # type: ignore[arg-type]
    pytester.makepyfile("def test_it(device): ...", test_other="def test_other(): ...")
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == status


def test_each_claim_is_a_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, *fake_device.RETURNING)
    arguments = (
        "--pyargs",
        "harness.experiments",
        "--binder-json=results.json",
        "--junitxml=junit.xml",
        "-v",
    )
    result = pytester.runpytest_inprocess(*PLUGIN, *arguments)
    result.assert_outcomes(passed=3, skipped=1, failed=4, warnings=0)
    assert result.ret == 3
    result.stdout.fnmatch_lines("*test_claim?mmap.once? PASSED*")
    result.stdout.fnmatch_lines("*verdict: got refuted, expected confirmed*")
    claims = json.loads((pytester.path / "results.json").read_text())["claims"]
    assert {claim["id"]: claim["verdict"] for claim in claims} == {
        "mmap.once": "confirmed",
        "mmap.first-page": "refuted",
        "copy.binder-one": "not testable here",
        "limit.figure": "confirmed",
        "limit.verdict": "refuted",
        "proto.dies": "lost",
        "proto.breaks": "error",
        "sm.single": "confirmed",
    }
    suite = ElementTree.parse(pytester.path / "junit.xml").find("testsuite")
    assert suite is not None
    properties = {item.get("name"): item.get("value") for item in suite.findall("properties/property")}
    assert properties["binder_target"] == "embedded"
    assert properties["binder_page_size"] == "4096"
    assert properties["binder_devices"] == "/dev/binder,/dev/vndbinder"
    assert not [name for name in properties if name and name.startswith("binder_binder")]
    case = suite.find("testcase[@name='test_claim[mmap.once]']")
    assert case is not None
    assert {item.get("name"): item.get("value") for item in case.findall("properties/property")} == {
        "verdict": "confirmed",
        "as_expected": "True",
        "measured": "it failed with 16",
        "reason": "",
    }


def test_the_time_limit_ends_a_claim(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "proto.waits", "sm.single")
    monkeypatch.setenv("BINDER_HARNESS_TIME_LIMIT", "0.1")
    result = pytester.runpytest_inprocess(*PLUGIN, "--pyargs", "harness.experiments")
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines("*did not finish within 0.1 s*")


def test_each_xdist_worker_has_a_device_and_all_results_arrive(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, *fake_device.AS_EXPECTED, "proto.dies")
    monkeypatch.setenv(fake_device.CLOSED_LOG, str(pytester.path / "closed"))
    result = pytester.runpytest_subprocess(
        *PLUGIN,
        *("-p", "tests.support.fake_device_plugin", "-p", "xdist", "-n", "2", "--dist", "each"),
        *("--pyargs", "harness.experiments", "--binder-json=results.json", "--junitxml=junit.xml"),
    )
    assert result.ret == 3
    document = json.loads((pytester.path / "results.json").read_text())
    assert len(document["claims"]) == 5
    assert document["device"]["page_size"] == 4096
    assert 'name="binder_page_size"' in (pytester.path / "junit.xml").read_text()
    closed = (pytester.path / "closed").read_text().split()
    assert len(closed) == len(set(closed)) == 4  # on each of two workers: one lost, and its replacement


def test_what_a_device_reports_is_printable(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = fake_device.device_module(lost="It panicked:\n\x1b]0;owned\x07\udc80")
    monkeypatch.setitem(sys.modules, "harness.device.device", module)
    pytester.makepyfile(
        """
        def test_one(device):
            pass
        """
    )
    result = pytester.runpytest_inprocess(*PLUGIN, "-rA")
    result.assert_outcomes(errors=1)
    text = result.stdout.str()
    assert r"\u001b]0;owned\u0007\udc80" in text
    assert "\x1b" not in text


OWN = ("-p", "tests.support.fake_device_plugin", "--pyargs", "harness.experiments", "-rA")


@pytest.mark.parametrize("by_option", [True, False], ids=["option", "environment"])
def test_claims_from_elsewhere_are_tests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, by_option: bool
) -> None:
    choose(monkeypatch, "mmap.once")
    own_claims.written(pytester.path)
    if not by_option:
        monkeypatch.setenv("BINDER_HARNESS_CLAIMS", "own.py")
    options = ("--binder-claims", "own.py") if by_option else ()
    ended = pytester.runpytest_subprocess(*PLUGIN, *OWN, *options)
    ended.assert_outcomes(passed=2)
    ended.stdout.fnmatch_lines(["PASSED *test_claim?own.doors?"])


def test_a_mistake_in_claims_from_elsewhere_is_wrong_usage(pytester: pytest.Pytester) -> None:
    own_claims.written(pytester.path, "import no_such_module")
    ended = pytester.runpytest_subprocess(*PLUGIN, *OWN, "--binder-claims", "own.py")
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["*claims from *own.py: line 1: ModuleNotFoundError*no_such_module*"])
