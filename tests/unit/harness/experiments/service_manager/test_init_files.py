"""What init restarts when a service dies, from the files that declare it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.service_manager.init_files import InitService, parse_init_file, restarted_with

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


def test_what_is_restarted_with_a_service() -> None:
    services = parse_init_file(TO_ANDROID_11)
    assert restarted_with("servicemanager", services) == {"zygote", "media", "netd"}
    assert restarted_with("netd", services) == {"zygote"}
    assert restarted_with("media", services) == frozenset()


def test_a_class_is_restarted_as_a_whole() -> None:
    services = (*parse_init_file(LATER), *parse_init_file(TO_ANDROID_11)[1:])
    assert restarted_with("servicemanager", services) == {"zygote", "netd"}


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "\\\n"])
def test_a_file_without_sections_declares_nothing(text: str) -> None:
    assert parse_init_file(text) == ()


@given(st.text())
def test_any_text_is_an_init_file(text: str) -> None:
    assert all(service.name for service in parse_init_file(text))
