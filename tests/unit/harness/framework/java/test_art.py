"""How a device's own framework is started: what is put there, and the command line."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.base.errors import FacilityMissingError
from harness.device.facts import Facts, Need
from harness.framework.java import art
from harness.framework.java.agent import command_at, running_agents
from harness.framework.java.place import JavaPlace, open_place
from tests.support.fake_device import FACTS, FakeDevice

PHONE = dataclasses.replace(FACTS, framework=True, android_release="15", api_level=35)


@pytest.mark.parametrize(
    ("facts", "runs"),
    [
        (PHONE, True),
        (dataclasses.replace(PHONE, api_level=29), True),
        (dataclasses.replace(PHONE, api_level=28), False),
        (dataclasses.replace(PHONE, framework=False), False),
        (FACTS, False),
        (dataclasses.replace(FACTS, framework=True, java=10), False),
    ],
)
def test_android_10_and_later_run_the_agent(facts: Facts, runs: bool) -> None:
    assert facts.art is runs


def test_a_phone_still_takes_no_java_of_ours() -> None:
    assert not Need.JAVA.met_by(PHONE)


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A phone, whose `pushed` has what was put there, with modes."""
    jar = tmp_path / "agent-on-art-0123" / "agent.jar"
    monkeypatch.setattr(art, "agent_on_art", lambda: jar)
    device = cast(Any, FakeDevice(PHONE))
    device.directory, device.pushed = "/data/local/tmp/bh", {}
    device.files = SimpleNamespace(exists=lambda path: path in device.pushed)

    def push(local: Path, remote: str, *, mode: int) -> None:
        assert (local, remote) == (jar, "/data/local/tmp/bh/agent-on-art-0123.jar")
        assert remote not in device.pushed
        device.pushed[remote] = mode

    device.push = push
    return device


def test_the_agent_is_put_there_once_and_nobody_may_write_it(phone: Any) -> None:
    for _ in range(2):
        with open_place(phone) as place:
            assert place == JavaPlace(15, "", "/dev/binder", "/data/local/tmp/bh/agent-on-art-0123.jar")
    assert phone.pushed == {place.dex: 0o444}


def test_app_process_runs_it(phone: Any) -> None:
    with open_place(phone) as place:
        shell, option, line = command_at(place)
    assert (shell, option) == ("sh", "-c")
    assert shlex.split(line) == [
        f"CLASSPATH={place.dex}",
        *["exec", "app_process", "/", "harness.agent.AgentOnArt"],
    ]


@pytest.mark.parametrize(("uids", "node"), [([0, 2000], None), ([0], "/dev/vndbinder")])
def test_it_is_the_shell_s_user_and_has_the_usual_binder_device(
    phone: Any, uids: list[int], node: str | None
) -> None:
    with (
        pytest.raises(FacilityMissingError, match="tested on the target `embedded`"),
        running_agents(phone, uids, node=node),
    ):
        pass
    assert not phone.pushed
