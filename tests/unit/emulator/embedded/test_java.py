"""What `java=10` means for the rest of a target."""

from __future__ import annotations

import platform

import pytest

from emulator.base.architecture import BY_TARGET_NAME, architecture_named
from emulator.base.errors import UsageError
from emulator.embedded.strict import has_java, option
from emulator.target import parse_target

OWN = architecture_named(platform.machine()).target_name
OTHER = next(name for name in BY_TARGET_NAME if name != OWN)


def test_a_device_has_no_java_unless_it_is_asked_for() -> None:
    target = parse_target("embedded")
    assert not has_java(target)
    assert option(target, "userland") == "11"


def test_java_implies_the_servicemanager_of_its_release() -> None:
    target = parse_target(f"embedded?java=10&arch={OWN}")
    assert has_java(target)
    assert option(target, "userland") == "10"
    assert option(target, "memory") == "512"


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ("userland=11", "Remove `userland`"),
        ("userland=none", "Remove `userland`"),
        ("android=user", "Remove `java` or `android`"),
        ("memory=256", "memory=384 or more"),
    ],
)
def test_what_a_device_with_java_cannot_have_is_refused(options: str, advice: str) -> None:
    with pytest.raises(UsageError, match=advice):
        parse_target(f"embedded?java=10&arch={OWN}&{options}")


def test_java_is_for_this_machine_s_own_architecture() -> None:
    with pytest.raises(UsageError, match="this machine's own architecture"):
        parse_target(f"embedded?java=10&arch={OTHER}")
