"""What Cuttlefish asks of a host, and what doctor says about it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.kinds.cuttlefish.doctor import cuttlefish_checks, host_checks
from emulator.kinds.cuttlefish.host import CuttlefishHost, parse_host
from tests.unit.emulator.kinds.host_double import Prints

GOOD = CuttlefishHost(frozenset({"user", "cvdnetwork"}), container=False, kvm=True, instances=(1, 2))


def shown(found: CuttlefishHost) -> dict[str, tuple[bool, str]]:
    return {check.name: (check.ok, check.fix) for check in host_checks(found)}


def test_what_a_host_prints_is_read() -> None:
    text = "groups user kvm\nkvm\ninterface lo\ninterface cvd-mtap-02\ninterface cvd-mtap-10\n"
    assert parse_host(text) == CuttlefishHost(frozenset({"user", "kvm"}), False, True, (2, 10))
    assert parse_host("groups root\ncontainer\ninterface *").container


@given(
    st.frozensets(st.from_regex(r"[a-z_][a-z0-9_-]{0,8}", fullmatch=True)),
    st.booleans(),
    st.booleans(),
    st.sets(st.integers(1, 128)),
)
def test_every_host_is_read_back(groups: frozenset[str], container: bool, kvm: bool, taps: set[int]) -> None:
    lines = [f"groups {' '.join(groups)}", *["container"] * container, *["kvm"] * kvm]
    lines += [f"interface cvd-mtap-{tap:02}" for tap in taps] + ["interface cvd-mtap-x", "interface eth0"]
    assert parse_host("\n".join(lines)) == CuttlefishHost(groups, container, kvm, tuple(sorted(taps)))


def test_groups_are_asked_of_root_too_but_not_in_a_container() -> None:
    root = CuttlefishHost(frozenset({"root"}), container=False, kvm=True, instances=(1,))
    assert root.missing_groups == ["cvdnetwork"]
    assert CuttlefishHost(frozenset(), False, False, ()).missing_groups == ["cvdnetwork", "kvm"]
    assert CuttlefishHost(frozenset({"root"}), True, False, ()).missing_groups == []
    assert GOOD.missing_groups == []


def test_each_fault_has_its_fix() -> None:
    assert all(ok for ok, _ in shown(GOOD).values())
    bad = shown(CuttlefishHost(frozenset({"user"}), container=False, kvm=False, instances=()))
    assert not any(ok for ok, _ in bad.values())
    assert "usermod -aG cvdnetwork,kvm" in bad["cuttlefish groups"][1]
    assert "/dev/kvm" in bad["cuttlefish kvm"][1]
    assert "start cuttlefish-host-resources" in bad["cuttlefish network"][1]


def test_a_machine_without_cuttlefish_lacks_nothing() -> None:
    (only,) = cuttlefish_checks(Prints(""))
    assert only.ok
    assert not only.present
    assert only.detail.startswith("Cuttlefish's host tools")
