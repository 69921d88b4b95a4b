"""The agent for ART: its dex file, and its classes where a stand-in for app_process runs them."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.errors import FacilityMissingError, SetupError
from emulator.build.java.classes import FRAMEWORK_JAR, compile_java, errors, framework_classes, write_jar
from emulator.build.java.dex import CLASSES_JAR, agent_on_art, convert
from emulator.build.java.release import AGENT, JAVA_10
from emulator.build.java.sources import compiler_jar, own_jdk
from harness.binder import Call, Parcel
from harness.binder.pair import reply_nothing
from harness.device.device import Device
from harness.experiments.framework.java_lookups import OF_ANDROID, java_lookups
from harness.framework.bundle import Bundle
from harness.framework.intent import Intent
from harness.framework.java.errors import JavaError
from harness.framework.java.process import JavaProcess, open_java

STAND_INS = Path(__file__).with_name("stand_ins")
APP_PROCESS = "/system/bin/app_process"
EVENTS = AGENT / "java/harness/agent/Events.java"
"""What the natives of the stand-in look for."""
API_LEVELS = {10: 29, 14: 34}
NOTICE = Intent(action="com.example.HELLO", extras={"data": "Notice me senpai!", "bytes": b"\0\1"})


def compiled(files: list[Path], directory: Path) -> Path:
    """A directory with the classes of these files."""
    framework = framework_classes(JAVA_10) / FRAMEWORK_JAR
    classes = directory / "classes"
    log = compile_java(JAVA_10, own_jdk() / "bin/java", compiler_jar(), files, classes, classpath=[framework])
    assert not errors(log), log
    return classes


def test_the_dex_file_has_the_agent_alone() -> None:
    dex = pytest.importorskip("androguard.core.dex")
    with zipfile.ZipFile(agent_on_art()) as archive:
        assert archive.namelist() == ["classes.dex"]
        parsed = dex.DEX(archive.read("classes.dex"))
    classes = {each.get_name(): each for each in parsed.get_classes()}
    assert all(name.startswith("Lharness/agent/") for name in classes), "the framework is the device's"
    methods = {method.get_name(): method for method in classes["Lharness/agent/AgentOnArt;"].get_methods()}
    assert methods["main"].get_access_flags_string() == "public static"
    assert methods["main"].get_descriptor() == "([Ljava/lang/String;)V"
    assert "invoke-static" in {each.get_name() for each in methods["main"].get_instructions()}


def test_a_lambda_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Late.java").write_text("class Late { Runnable later() { return () -> {}; } }\n")
    classes = compiled([tmp_path / "Late.java"], tmp_path)
    with pytest.raises(SetupError, match="invokedynamic"):
        convert(classes, tmp_path / "late.dex")


@pytest.fixture(scope="module")
def art(device: Device, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """The device, with a stand-in for app_process, while it seems to be one with an Android of its own."""
    directory = tmp_path_factory.mktemp("stand-in")
    write_jar(compiled([STAND_INS / "AppProcess.java", EVENTS], directory), directory / "stand-in.jar")
    there = f"{device.directory}/app_process"
    device.shell(["mkdir", "-p", there])
    classes = agent_on_art().with_name(CLASSES_JAR)
    for file in (STAND_INS / "app_process", directory / "stand-in.jar", classes):
        device.push(file, f"{there}/{file.name}", mode=0o755)
    device.shell(["ln", "-s", f"{there}/app_process", APP_PROCESS])
    facts = device.facts
    assert facts.java is not None
    own = dataclasses.replace(facts, android_release=str(facts.java), api_level=API_LEVELS[facts.java])
    vars(device)["facts"] = dataclasses.replace(own, framework=True, java=None, userland=None)
    yield device
    vars(device)["facts"] = facts
    device.shell(["rm", APP_PROCESS])


@pytest.fixture(scope="module")
def process(art: Device) -> Iterator[JavaProcess]:
    with open_java(art) as opened:
        yield opened


def test_services_are_found_and_called(art: Device, process: JavaProcess) -> None:
    def double(call: Call) -> Parcel:
        return Parcel(call.wire).no_exception().int32(2 * call.data.int32())

    with art.service("com.example.double", double, interface="com.example.IDouble"):
        assert "com.example.double" in process.list_services()
        found, again = process.get_service("com.example.double", times=2)
        assert found is not None
        assert found == again == process.check_service("com.example.double")
        (first, second) = process.last_calls[0].stack[:2]
        assert first.startswith("android.os.BinderProxy.transact")
        assert second.partition("(")[0].endswith("Proxy.checkService")
        data = Parcel().int32(21)
        assert process.transact(found, 1, "com.example.IDouble", data=data).int32() == 42
    assert process.check_service("com.example.nobody") is None


def test_values_are_written_and_read(process: JavaProcess) -> None:
    written = process.write_intent(NOTICE)
    assert process.read_intent(written) == (NOTICE, 0)
    bundle: Bundle = {"number": 7, "text": "grüße"}
    assert process.read_bundle(process.write_bundle(bundle))[0] == bundle


def test_a_command_that_is_openjdk_s_alone_is_named(process: JavaProcess) -> None:
    with pytest.raises(JavaError, match="There is no command registerReceiver") as raised:
        process.register_receiver("com.example.HELLO")
    assert raised.value.stack[0].startswith("harness.agent.Requests.result")


def test_a_service_of_java_s_throws_to_java(art: Device, process: JavaProcess) -> None:
    answers = {1: {"throws": "SecurityException", "message": "no"}}
    process.add_service("com.example.thrower", "com.example.IThrower", answers)
    with open_java(art) as other:
        (binder,) = other.get_service("com.example.thrower")
        assert binder is not None
        with pytest.raises(JavaError, match="no") as raised:
            other.transact(binder, 1, "com.example.IThrower")
        assert raised.value.java_class == "java.lang.SecurityException"


def test_a_broadcast_gets_as_far_as_the_system_s_context_which_openjdk_lacks(process: JavaProcess) -> None:
    with pytest.raises(JavaError, match="Unresolved compilation problem") as raised:
        process.send_broadcast(NOTICE)
    methods = [frame.partition("(")[0] for frame in raised.value.stack]
    asked_by = methods.index("harness.agent.AgentOnArt.context")
    assert methods[asked_by - 1] == "android.app.ActivityThread.systemMain"
    assert process.list_services()


def test_lookups_are_counted(art: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JavaProcess, "get_system_service", lambda *_: ("not asked for", True))  # see above
    with art.service(OF_ANDROID, reply_nothing):
        m = java_lookups(art)
    assert (m.uncached, m.cached, m.for_manager) == (m.times, 0, 0)
    assert m.same_object
    assert m.art
    assert not m.lost


def test_another_user_or_binder_device_is_refused(art: Device) -> None:
    with pytest.raises(FacilityMissingError, match="runs as its shell's user"), open_java(art, uid=1000):
        pass
    with pytest.raises(FacilityMissingError, match="on /dev/binder"), open_java(art, node="/dev/vndbinder"):
        pass
