"""The security policy: it compiles, and has what the device's init asks of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator.base.errors import SetupError
from emulator.build.agents import SOURCES as AGENTS
from emulator.embedded.policy.build import MORE_PARTS, PARTS, SOURCES, security_policy

POLICY = "\n".join((SOURCES / part).read_text() for part in PARTS)
TYPES = set(re.findall(r"\(type (\w+)\)", POLICY))
DOMAINS = set(re.search(r"\(typeattributeset domain \(([^)]*)\)", POLICY)[1].split())  # type: ignore[index]
SELINUX_MAGIC = bytes.fromhex("8cff7cf9")
"""security/selinux/ss/policydb.h, SELINUX_MAGIC, little-endian."""


@pytest.mark.parametrize("build_type", MORE_PARTS)
def test_it_compiles(build_type: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    assert security_policy(build_type).read_bytes().startswith(SELINUX_MAGIC)


@pytest.mark.parametrize(
    "rule",
    [
        "(allow shell self (binder (set_context_mgr)))",
        "(allow shell default_android_service (service_manager (add)))",
        "(allow adbd su (process (transition)))",
    ],
)
def test_what_aosp_rules_out_does_not_compile(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))
    (tmp_path / "more.cil").write_text(rule)
    monkeypatch.setitem(MORE_PARTS, "user", (str(tmp_path / "more.cil"),))
    with pytest.raises(SetupError, match="neverallow check failed"):
        security_policy("user")


def test_every_part_is_compiled() -> None:
    used = {*PARTS, *(part for parts in MORE_PARTS.values() for part in parts)}
    assert used == {file.name for file in SOURCES.glob("*.cil")}


def test_every_type_but_those_of_the_network_is_of_a_kind() -> None:
    members = re.findall(r"\(typeattributeset \w+ \(([^()]*)\)\)", POLICY)
    kinds = {name for each in members for name in each.split()}
    assert TYPES - kinds == {"port", "node", "netif"}
    assert kinds - TYPES <= {"all", "proc_type"}


def test_init_labels_files_with_types_of_the_policy() -> None:
    source = "".join((AGENTS / "init" / name).read_text() for name in ("security.c", "prepare.c"))
    labels = re.findall(r'\{"/[^"]*", "(\w+)"\}|label\([^,]+, "(\w+)"\)', source)
    labelled = {label for pair in labels for label in pair if label}
    assert {"shell_exec", "init_exec", "properties_device"} <= labelled <= TYPES


def test_init_starts_programs_in_domains_that_it_may_enter() -> None:
    domains = set(re.findall(r'\.domain = "(\w+)"', (AGENTS / "init" / "services.c").read_text()))
    started = re.search(r"\(typeattributeset started \(([^)]*)\)", POLICY)
    assert started
    assert domains == set(started[1].split()) <= DOMAINS


def test_a_user_build_has_no_permissive_domain() -> None:
    assert "typepermissive" not in POLICY
