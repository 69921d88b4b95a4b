"""Reading framework.jar: from dex files that smali assembles, packed as each case needs them."""

from __future__ import annotations

import functools
import json
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from emulator.base.errors import DeviceLostError, FacilityMissingError, HarnessError
from emulator.cache.store import entry, fingerprint
from harness.framework import framework_jar, jar_parser
from harness.framework.dialect import CodeSource, Dialect, code_names_on, dialect_of
from harness.framework.framework_jar import (
    FRAMEWORK_JAR,
    FrameworkJar,
    UnreadableJarError,
    read_framework_jar,
    read_transaction_codes,
)
from harness.framework.jar_parser import MAX_DEX_SIZE, fields_of
from harness.framework.layout import LAYOUTS, Layout

DEX_FILES = Path(__file__).parent / "framework_jar"
pytestmark = pytest.mark.skipif(
    shutil.which("smali") is None, reason="needs smali: Debian's libsmali-java and default-jre-headless"
)
STRING_DATA_ITEM = 0x2002
CODES = {
    "registerReceiverWithFeature": 22,
    "unregisterReceiver": 23,
    "broadcastIntentWithFeature": 26,
    "finishReceiver": 28,
    "aMethodFarDown": 300,
}
INTENT_FIELDS = frozenset(
    {"ACTION_MAIN", "mAction", "mCreatorTokenInfo", "mExtendedFlags", "mOriginalIntent"}
)
WHOLE = FrameworkJar(CODES, INTENT_FIELDS, frozenset({"mHasIntent"}))
SIXTEEN = Layout.of_fields(WHOLE.intent_fields, WHOLE.bundle_fields)


@functools.cache
def dex(name: str) -> bytes:
    """The text beside this file, assembled: once, as Java takes longer to start than all else here."""
    text = DEX_FILES / f"{name}.smali"

    def build(directory: Path) -> None:
        target = directory / "classes.dex"
        subprocess.run(["smali", "assemble", "-o", target, text], check=True, timeout=60)

    return (entry("dex-of-tests", fingerprint(text), build) / "classes.dex").read_bytes()


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse without a process of its own, whose start takes longer than parsing; other tests have that."""

    def run(command: list[str | Path], **_: object) -> str:
        path, _memory, wanted = map(str, command[3:])
        return json.dumps(jar_parser._result(Path(path), wanted))

    monkeypatch.setattr(framework_jar, "run", run)


def jar_of(directory: Path, *names: str) -> Path:
    """A framework.jar whose classes.dex, classes2.dex … are these."""
    path = directory / "framework.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        for number, name in enumerate(names, start=1):
            jar.writestr(f"classes{number if number > 1 else ''}.dex", dex(name))
    return path


class FakeAndroid:
    """The part of a device with Android that finding its dialect uses."""

    def __init__(self, release: str | None, jar: Path | Exception) -> None:
        self.serial = "phone"
        self.facts = SimpleNamespace(android_release=release, java=None, libbinder_release=11)
        self.jar = jar
        self.pulled: list[str] = []

    def pull(self, remote: str, local: Path, *, largest: int) -> None:  # noqa: ARG002
        self.pulled.append(remote)
        if isinstance(self.jar, Exception):
            raise self.jar
        shutil.copy(self.jar, local)

    def raise_if_lost(self) -> None:
        if isinstance(self.jar, DeviceLostError):
            raise self.jar


def dialect(device: FakeAndroid) -> Dialect | None:
    return dialect_of(cast(Any, device))


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    "names",
    [("codes", "intent", "bundle"), ("bundle", "intent", "codes"), ("codes", "intent", "bundle", "stripped")],
)
def test_classes_are_found_in_whichever_dex_file_they_are(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert read_framework_jar(jar_of(tmp_path, *names)) == WHOLE


def test_constants_without_a_value_are_not_taken_for_codes(tmp_path: Path) -> None:
    assert read_framework_jar(jar_of(tmp_path, "stripped", "intent")).codes == {}


def test_the_codes_of_all_interfaces_are_read(tmp_path: Path) -> None:
    codes = read_transaction_codes(jar_of(tmp_path, "intent", "codes"))
    assert codes == {"android.app.IActivityManager": {code: name for name, code in WHOLE.codes.items()}}
    assert read_transaction_codes(jar_of(tmp_path, "stripped")) == {"android.app.IActivityManager": {}}


@pytest.mark.usefixtures("in_this_process")
def test_a_jar_without_any_of_the_classes_is_empty(tmp_path: Path) -> None:
    assert read_framework_jar(jar_of(tmp_path)) == FrameworkJar({}, frozenset(), frozenset())


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "framework.jar"
    path.write_bytes(b"an error page")
    with pytest.raises(UnreadableJarError, match=r"framework.jar cannot be read: File is not a zip file"):
        read_framework_jar(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_dex_file_is_unreadable(tmp_path: Path, data: st.DataObject) -> None:
    """Wherever the damage is, but in the version, which the file's checksum leaves out."""
    damaged = bytearray(dex("codes"))
    place = data.draw(st.integers(0, len(damaged) - 1).filter(lambda place: not 4 <= place < 8))
    damaged[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "framework.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("classes.dex", damaged)
    # Where the name of the class is damaged, the class is not there, and nothing is parsed for it.
    assume(b"Landroid/app/IActivityManager$Stub;" in damaged)
    with pytest.raises(ValueError, match="is damaged"):
        fields_of(path)


def test_a_jar_on_which_the_parser_hangs_is_left_in_time(tmp_path: Path) -> None:
    """The hostile file has a right checksum, and 2^31 - 1 strings (Dalvik executable format, map_list)."""
    hostile = bytearray(dex("codes"))
    (map_offset,) = struct.unpack_from("<I", hostile, 0x34)
    (count,) = struct.unpack_from("<I", hostile, map_offset)
    items = range(map_offset + 4, map_offset + 4 + 12 * count, 12)
    (strings,) = [item for item in items if struct.unpack_from("<H", hostile, item)[0] == STRING_DATA_ITEM]
    struct.pack_into("<I", hostile, strings + 4, 0x7FFFFFFF)
    struct.pack_into("<I", hostile, 8, zlib.adler32(hostile[12:]))
    path = tmp_path / "framework.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("classes.dex", hostile)
    with pytest.raises(UnreadableJarError, match=r"did not end within 1 s"):
        read_framework_jar(path, seconds=1)


def test_a_dex_file_of_any_size_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "framework.jar"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as jar:
        jar.writestr("classes.dex", bytes(MAX_DEX_SIZE + 1))
    with pytest.raises(ValueError, match=r"classes\.dex has 67,108,865 bytes"):
        fields_of(path)


def test_an_archive_of_any_number_of_dex_files_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "framework.jar"
    with zipfile.ZipFile(path, "w") as jar:
        for number in range(2, 35):
            jar.writestr(f"classes{number}.dex", b"")
    with pytest.raises(ValueError, match="33 dex files"):
        fields_of(path)


def test_memory_is_limited(tmp_path: Path) -> None:
    with pytest.raises(UnreadableJarError, match="cannot be read"):
        read_framework_jar(jar_of(tmp_path, "codes"), memory=1 << 20)


@pytest.mark.usefixtures("in_this_process")
def test_a_device_s_own_codes_and_layout(tmp_path: Path) -> None:
    device = FakeAndroid("16", jar_of(tmp_path, "intent", "bundle", "codes"))
    assert dialect(device) == Dialect(16, SIXTEEN, CODES, CodeSource.FRAMEWORK_JAR)
    assert SIXTEEN.creator_token
    assert SIXTEEN.bundles_flag_intents
    assert code_names_on(cast(Any, device))("android.app.IActivityManager", 300) == "aMethodFarDown"
    dialect(device)
    assert device.pulled == [FRAMEWORK_JAR], "once"


@pytest.mark.usefixtures("in_this_process")
def test_a_stripped_jar_leaves_the_table(tmp_path: Path) -> None:
    found = dialect(FakeAndroid("16", jar_of(tmp_path, "intent", "bundle", "stripped")))
    assert found is not None
    assert (found.source, found.code("broadcastIntentWithFeature")) == (CodeSource.TABLE, 26)
    assert found.layout == SIXTEEN
    assert "has no transaction codes" in found.note


@pytest.mark.parametrize("release", ["10", "11", "12", "13"])
def test_without_the_jar_the_table_serves_to_13(release: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = dialect(FakeAndroid(release, HarnessError("it could not be read: permission denied")))
    assert found is not None
    assert (found.source, found.release, found.layout in LAYOUTS.values()) == (
        CodeSource.TABLE,
        int(release),
        True,
    )
    assert "permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("release", ["14", "15", "16"])
def test_without_the_jar_later_layouts_are_not_known(release: str) -> None:
    with pytest.raises(FacilityMissingError, match=rf"Android {release} .* could not be read"):
        dialect(FakeAndroid(release, HarnessError("it could not be read")))


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("release", "names", "message"),
    [
        ("9", ("codes", "intent"), "needs Android 10 or later"),
        ("15", ("codes", "intent", "bundle"), "depends on a flag"),
        ("14", ("codes",), "no class android.content.Intent"),
        (
            "17",
            ("intent", "bundle", "stripped"),
            "the table has only those of Android 10, 11, 12, 13, 14, 16",
        ),
    ],
)
def test_builds_for_which_jar_and_table_are_insufficient(
    tmp_path: Path, release: str, names: tuple[str, ...], message: str
) -> None:
    device = FakeAndroid(release, jar_of(tmp_path, *names))
    for _ in range(2):
        with pytest.raises(FacilityMissingError, match=message):
            dialect(device)
    assert len(device.pulled) == (0 if release == "9" else 1), "an insufficient jar is read once"


@pytest.mark.usefixtures("in_this_process")
def test_a_jar_that_could_not_be_fetched_is_fetched_again(tmp_path: Path) -> None:
    device = FakeAndroid("16", HarnessError("it could not be read"))
    with pytest.raises(FacilityMissingError):
        dialect(device)
    device.jar = jar_of(tmp_path, "intent", "bundle", "codes")
    assert dialect(device) == Dialect(16, SIXTEEN, CODES, CodeSource.FRAMEWORK_JAR)


def test_a_lost_device_is_lost() -> None:
    with pytest.raises(DeviceLostError):
        dialect(FakeAndroid("13", DeviceLostError("the device ended")))


def test_without_the_parser_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "androguard.core.dex", None)
    device = FakeAndroid("16", jar_of(tmp_path, "codes", "intent"))
    with pytest.raises(FacilityMissingError, match=r"pip install 'binder-harness\[framework\]'"):
        dialect(device)
    assert device.pulled == []


def test_where_no_android_runs_there_is_no_dialect_of_its_own() -> None:
    device = FakeAndroid(None, HarnessError("never asked for"))
    assert dialect(device) is None
    assert (
        code_names_on(cast(Any, device))("android.app.IActivityManager", 15) == "broadcastIntentWithFeature"
    )
    assert device.pulled == []


def test_names_on_an_android_whose_codes_were_not_read() -> None:
    names = code_names_on(cast(Any, FakeAndroid("14", HarnessError("never asked for"))))
    assert names("android.app.IActivityManager", 22) == "broadcastIntentWithFeature"
    later = code_names_on(cast(Any, FakeAndroid("15", HarnessError("never asked for"))))
    assert later("android.app.IActivityManager", 22) is None
    assert later("android.os.IServiceManager", 2) is None, "it has two orders"
    assert later("android.content.IIntentReceiver", 1) == "performReceive"


def test_an_unknown_code() -> None:
    with pytest.raises(FacilityMissingError, match="code of publishService on this Android 16 is unknown"):
        Dialect(16, SIXTEEN, CODES, CodeSource.FRAMEWORK_JAR).code("publishService")


def test_the_reader_s_module_is_imported_only_when_asked_for() -> None:
    code = "import sys, harness.framework; sys.exit('androguard' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
