"""What init restarts when a service dies, from the files that declare it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.framework.dumps.init_files import (
    InitService,
    Restarts,
    files_for,
    parse_init_file,
    restarts_with,
    tokenized,
)

TO_ANDROID_11 = """
# A comment
import /init.${ro.hardware}.rc

service servicemanager /system/bin/servicemanager
    class core animation
    critical
    # onrestart restart nobody
    onrestart restart zygote
    onrestart restart \\
        media
    shutdown critical

on property:a=b
    restart unrelated
    class_restart main

service zygote /system/bin/app_process64 -Xzygote /system/bin --zygote
    class main
    onrestart restart netd
    onrestart write /sys/power/state on
service netd /system/bin/netd
    class main
    onrestart restart zygote
service media /system/bin/mediaserver
"""
LATER = """
service servicemanager /system/bin/servicemanager
    class core
    onrestart setprop servicemanager.ready false
    onrestart class_restart --only-enabled main
"""


def test_services_with_their_options() -> None:
    manager, zygote, netd, media = parse_init_file(TO_ANDROID_11)
    assert manager == InitService(
        "servicemanager",
        "/system/bin/servicemanager",
        ("core", "animation"),
        (("restart", "zygote"), ("restart", "media")),
    )
    assert zygote.on_restart == (("restart", "netd"), ("write", "/sys/power/state", "on"))
    assert (netd.classes, media.classes, media.on_restart) == (("main",), ("default",), ())


def test_a_file_without_services() -> None:
    assert parse_init_file("on boot\n    start x\n") == ()
    assert parse_init_file("service half\n") == ()


@pytest.mark.parametrize("text", ["", "# a comment\n", "subsystem adf\n    devname uevent_devname\n"])
def test_a_file_without_a_section_is_empty(text: str) -> None:
    assert parse_init_file(text) == ()


WORDS = ("service", "restart", "class", "onrestart", "a", "#", "\\", "\n", "\t", "on", "--only-if-running")


@given(st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_no_text_is_an_error(text: str) -> None:
    assert restarts_with("a", parse_init_file(text)).services <= set(text.split())


def test_what_is_restarted_with_a_service() -> None:
    services = parse_init_file(TO_ANDROID_11)
    assert restarts_with("servicemanager", services).services == {"zygote", "media", "netd"}
    assert restarts_with("netd", services).services == {"zygote"}
    assert restarts_with("media", services).services == frozenset()


def test_a_class_is_restarted_as_a_whole() -> None:
    services = (*parse_init_file(LATER), *parse_init_file(TO_ANDROID_11)[1:])
    assert restarts_with("servicemanager", services).services == {"zygote", "netd"}


def test_a_comment_may_follow_a_command() -> None:
    text = """
service servicemanager /system/bin/servicemanager # keeps names \\
    class core  # core service
    onrestart restart healthd #power
    onrestart restart zygote # the app process
"""
    (service,) = parse_init_file(text)
    assert service.classes == ("core",)
    assert restarts_with("servicemanager", [service]).services == {"healthd", "zygote"}


def test_a_later_section_replaces_an_earlier_one_only_where_it_says_so() -> None:
    first = "service zygote /bin/a\n  onrestart restart netd\n"
    later = "service zygote /bin/b\n  onrestart restart wificond\n"
    assert restarts_with("zygote", parse_init_file(first + later)).services == {"netd"}
    assert restarts_with("zygote", parse_init_file(first + later + "  override\n")).services == {"wificond"}


def test_flags_spare_what_is_disabled_or_does_not_run() -> None:
    services = parse_init_file(
        "service servicemanager /system/bin/servicemanager\n"
        "  onrestart restart --only-if-running apexd\n  onrestart restart audioserver\n"
        "  onrestart class_restart --only-enabled main\n"
        "service dumpstate /system/bin/dumpstate\n  class main\n  disabled\n"
        "service zygote /system/bin/app_process64\n  class main\n"
        "service apexd /system/bin/apexd\n  class core\n  disabled\n"
    )
    surely = {"audioserver", "zygote"}
    assert restarts_with("servicemanager", services).services == surely
    assert restarts_with("servicemanager", services, running=("apexd",)).services == surely | {"apexd"}


def test_of_the_files_of_an_apex_those_of_the_level_count() -> None:
    names = ["init.rc", "init.30rc", "init.34rc", "other.35rc", "servicemanager.rc", "notes.txt"]
    assert files_for(names, 33) == ["init.30rc", "servicemanager.rc"]
    assert files_for(names, 0) == ["init.rc", "servicemanager.rc"]


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "\\\n"])
def test_a_file_without_sections_declares_nothing(text: str) -> None:
    assert parse_init_file(text) == ()


@given(st.text())
def test_any_text_is_an_init_file(text: str) -> None:
    assert all(service.name for service in parse_init_file(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a \\\n   b", [["a", "b"]]),
        ("a\\\n   b c", [["ab", "c"]]),
        ("a \\\r\n b", [["a", "b"]]),
        ('a "b c" d"e f"', [["a", "b c", "de f"]]),
        ('a "never ended', [["a", "never ended"]]),
        ("a b#c # d \\\ne", [["a", "b#c"], ["e"]]),
        ("a\\nb \\q", [["a\nb", "q"]]),
    ],
)
def test_lines_are_split_as_init_splits_them(text: str, expected: list[list[str]]) -> None:
    assert [list(line.words) for line in tokenized(text)] == expected


def test_every_declaration_has_its_line() -> None:
    text = "# a\nservice a \\\n  /bin/a\n  onrestart \\\n  restart b\n  onrestart restart c\nservice b /bin/b"
    first, second = parse_init_file(text, first_line=10)
    assert (first.line, first.on_restart_lines, second.line) == (11, (13, 15), 16)


def test_a_class_is_named_also_where_no_file_at_hand_has_its_services() -> None:
    services = parse_init_file(
        "service surfaceflinger /system/bin/surfaceflinger\n  onrestart class_restart main\n"
        "  onrestart restart --only-if-running apexd\n"
    )
    assert restarts_with("surfaceflinger", services) == Restarts(
        frozenset(), frozenset({"apexd"}), frozenset({"main"})
    )


def test_lines_that_end_in_a_carriage_return() -> None:
    assert parse_init_file(TO_ANDROID_11.replace("\n", "\r\n")) == parse_init_file(TO_ANDROID_11)
