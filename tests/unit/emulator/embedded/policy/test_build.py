"""The security policy: it compiles, and has what the device's init asks of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def test_every_part_is_compiled() -> None:
    used = {*PARTS, *(part for parts in MORE_PARTS.values() for part in parts)}
    assert used == {file.name for file in SOURCES.glob("*.cil")}


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
