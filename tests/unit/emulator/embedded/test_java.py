"""What `java=…` means for the rest of a target."""

from __future__ import annotations

import pytest

from emulator.base.architecture import BY_TARGET_NAME
from emulator.base.errors import UsageError
from emulator.build.java.release import JAVA_RELEASES
from emulator.embedded.strict import has_java, option
from emulator.target import parse_target


def test_a_device_has_no_java_unless_it_is_asked_for() -> None:
    target = parse_target("embedded")
    assert not has_java(target)
    assert option(target, "userland") == "11"


@pytest.mark.parametrize("architecture", BY_TARGET_NAME)
@pytest.mark.parametrize("release", JAVA_RELEASES)
def test_java_implies_the_servicemanager_of_its_release(architecture: str, release: int) -> None:
    target = parse_target(f"embedded?java={release}&arch={architecture}")
    assert has_java(target)
    assert option(target, "userland") == str(release)
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
        parse_target(f"embedded?java=10&{options}")
