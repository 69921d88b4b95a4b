"""Java that is generated of other files: event log tags, numbers of protocol buffers, permissions."""

from __future__ import annotations

from pathlib import Path

from emulator.build.java.event_log_tags import java_class, write_event_log_tags
from emulator.build.java.generated import manifest_class
from emulator.build.java.proto_constants import ProtoFile, java_classes, write_proto_constants

TAGS = """\
option java_package android.example

# a comment
230001 service_manager_slow (time|1|3),(service_name|3)
2722 battery_level (level|1|6),(big|2|1)
52 nothing
"""
PROTO = """\
syntax = "proto2";
package android.os;
option java_multiple_files = true;
import "other.proto";

/* message Commented { optional int32 out = 1; } */
message MessageProto {
    option (msg_privacy).dest = DEST_AUTOMATIC;
    optional int64 when = 1 [ (android.privacy).dest = DEST_EXPLICIT ];
    repeated string names = 2; // two
    repeated int32 packed_ones = 3 [packed = true];
    optional Kind kind = 4;
    enum Kind { UNKNOWN = -1; KNOWN = 0x2; }
    message Inner { optional Kind kind = 1; optional .android.os.Outer outer = 2; reserved 3, 4; }
    optional Inner inner = 5;
    oneof choice { bool flag = 6; }
}
enum Outer { A = 1; }
"""


def test_a_tag_is_a_constant_and_a_method_with_its_fields() -> None:
    text = java_class("android.example", "EventLogTags", TAGS)

    assert "package android.example;" in text
    assert "public static final int SERVICE_MANAGER_SLOW = 230001;" in text
    assert (
        "public static void writeServiceManagerSlow(int Time, String ServiceName) "
        "{ android.util.EventLog.writeEvent(SERVICE_MANAGER_SLOW, Time, ServiceName); }" in text
    )
    assert "writeBatteryLevel(int Level, long Big)" in text


def test_a_tag_without_fields_writes_a_zero() -> None:
    text = java_class("android.example", "EventLogTags", TAGS)

    assert "writeNothing() { android.util.EventLog.writeEvent(NOTHING, 0); }" in text


def test_only_files_with_a_package_become_classes(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/EventLogTags.logtags").write_text(TAGS)
    (tmp_path / "source/native.logtags").write_text("1 native_only (x|1)\n")

    write_event_log_tags(tmp_path / "source", tmp_path / "output")

    assert [file.name for file in tmp_path.glob("output/**/*.java")] == ["EventLogTags.java"]


def classes_of(text: str) -> dict[str, str]:
    file = ProtoFile.parse(text)
    return dict(java_classes(file, set(file.enums())))


def test_a_field_s_number_holds_its_type_and_count() -> None:
    """ProtoStream: the type's number from bit 32 on, the count's from bit 40 on."""
    body = classes_of(PROTO)["MessageProto"]

    assert "long WHEN = 0x0000010300000001L;" in body
    assert "long NAMES = 0x0000020900000002L;" in body
    assert "long PACKED_ONES = 0x0000050500000003L;" in body
    assert "long KIND = 0x0000010e00000004L;" in body
    assert "long INNER = 0x0000010b00000005L;" in body
    assert "long FLAG = 0x0000010800000006L;" in body


def test_enums_are_known_in_inner_messages_and_by_full_names() -> None:
    body = classes_of(PROTO)["MessageProto"]

    inner = body[body.index("class Inner") :]
    assert "long KIND = 0x0000010e00000001L;" in inner
    assert "long OUTER = 0x0000010e00000002L;" in inner
    assert "int UNKNOWN = -1;" in body
    assert "int KNOWN = 2;" in body
    assert "Commented" not in body


def test_without_multiple_files_all_is_in_the_outer_class(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "enums.proto").write_text(
        'package android.telephony; option java_outer_classname = "TelephonyProtoEnums";\n'
        "enum Data { OFF = 0; }"
    )

    write_proto_constants([source], tmp_path / "output")

    text = (tmp_path / "output/android/telephony/TelephonyProtoEnums.java").read_text()
    assert "int OFF = 0;" in text


def test_the_manifest_s_permissions_have_their_full_names() -> None:
    text = manifest_class(
        '<manifest xmlns:android="http://schemas.android.com/apk/res/android">'
        '<permission android:name="android.permission.BIND_VPN_SERVICE"/>'
        '<permission-group android:name="android.permission-group.SMS"/></manifest>'
    )

    assert 'String BIND_VPN_SERVICE = "android.permission.BIND_VPN_SERVICE";' in text
    assert 'String SMS = "android.permission-group.SMS";' in text
