"""The codes of every release, and what answers hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import FacilityMissingError
from harness.binder.abi.objects import Node
from harness.binder.errors import RemoteError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import ExceptionCode
from harness.binder.services.wire import (
    ADDING_THIRD,
    ANDROID_9,
    ANDROID_10,
    ANDROID_11,
    ANDROID_12,
    ANDROID_13,
    ANDROID_14,
    ANDROID_15_LATE,
    ANDROID_16,
    ANDROID_16_LATE,
    CHECKING_THIRD,
    INTERFACE,
    Dialect,
    read_found,
    read_name,
    with_methods,
)

DIALECTS = (
    ANDROID_9,
    ANDROID_10,
    ANDROID_11,
    ANDROID_12,
    ANDROID_13,
    ANDROID_14,
    ANDROID_15_LATE,
    ANDROID_16,
    ANDROID_16_LATE,
)
handles = st.integers(min_value=0, max_value=2**32 - 1)
nodes = st.builds(Node, ptr=st.integers(1, 2**64 - 1), cookie=st.integers(0, 2**64 - 1))


@pytest.mark.parametrize(
    ("dialect", "codes"),
    [
        (ANDROID_9, {"getService": 1, "checkService": 2, "addService": 3, "listServices": 4}),
        (ANDROID_10, {"getService": 1, "checkService": 2, "addService": 3, "listServices": 4}),
        (
            ANDROID_11,
            {"addService": 3, "isDeclared": 7, "registerClientCallback": 8, "tryUnregisterService": 9},
        ),
        (ANDROID_12, {"isDeclared": 7, "registerClientCallback": 10, "tryUnregisterService": 11}),
        (ANDROID_13, {"registerClientCallback": 11, "tryUnregisterService": 12, "getServiceDebugInfo": 13}),
        (ANDROID_14, {"addService": 3, "registerClientCallback": 12, "tryUnregisterService": 13}),
        (ANDROID_15_LATE, {"getService2": 2, "checkService": 3, "addService": 4, "listServices": 5}),
        (ANDROID_16, {"checkService2": 4, "addService": 5, "listServices": 6, "tryUnregisterService": 15}),
        (ANDROID_16_LATE, {"getServiceDebugInfo": 16, "checkServiceAccess": 17}),
    ],
)
def test_codes_are_those_of_the_release(dialect: Dialect, codes: dict[str, int]) -> None:
    assert {method: dialect.code(method) for method in codes} == codes


def test_a_missing_method_is_reported_with_the_existing_ones() -> None:
    with pytest.raises(FacilityMissingError, match=r"Android 10 has no isDeclared; it has getService"):
        ANDROID_10.code("isDeclared")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_request_names_the_interface(dialect: Dialect) -> None:
    assert ParcelReader.of(dialect.request()).interface_token() == INTERFACE


@pytest.mark.parametrize("candidates", [ADDING_THIRD, CHECKING_THIRD])
def test_the_number_of_methods_identifies_the_release(candidates: tuple[Dialect, ...]) -> None:
    for dialect in candidates:
        assert with_methods(len(dialect.methods), candidates) is dialect


def test_of_an_unknown_number_only_what_is_certain_is_taken() -> None:
    unknown = with_methods(10, (ANDROID_11, ANDROID_13, ANDROID_14))
    assert unknown.methods == ANDROID_11.methods[:7]
    assert "10 methods" in unknown.name
    with pytest.raises(FacilityMissingError):
        unknown.code("tryUnregisterService")


def answer_of(dialect: Dialect, found: Node | int | None) -> ParcelReader:
    answer = Parcel(dialect.wire)
    if not dialect.in_c:
        answer.no_exception()
    match found:
        case Node():
            answer.node(found)
        case int():
            answer.handle(found)
        case None if dialect.in_c:
            answer.int32(0)
        case None:
            answer.null_binder()
    return ParcelReader.of(answer)


@given(st.sampled_from(DIALECTS), st.one_of(handles, nodes, st.none()))
def test_what_is_found_is_read_from_every_release(dialect: Dialect, found: Node | int | None) -> None:
    assert read_found(dialect, answer_of(dialect, found)) == found


@given(handles, st.booleans())
def test_a_union_is_read_but_for_an_accessor(handle: int, accessor: bool) -> None:
    answer = Parcel(ANDROID_15_LATE.wire).no_exception().boolean(True).int32(int(accessor))
    if not accessor:
        answer.boolean(True).int32(36)
    answer.handle(handle).boolean(False)
    found = read_found(ANDROID_15_LATE, ParcelReader.of(answer), in_union=True)
    assert found == (None if accessor else handle)


def test_an_answer_of_android_16_as_one_was_recorded() -> None:
    """checkService2, from a phone: a union, a ServiceWithMetadata of 36 bytes, handle 1, not lazy."""
    words = (0, 1, 0, 1, 0x24, 0x73682A85, 0, 1, 0, 0, 0, 0x0C, 0)
    data = b"".join(word.to_bytes(4, "little") for word in words)
    assert read_found(ANDROID_16, ParcelReader(data, [20]), in_union=True) == 1


def test_an_exception_is_raised_before_anything_is_found() -> None:
    thrown = Parcel(ANDROID_11.wire).exception(RemoteError(ExceptionCode.EX_SECURITY, "no"))
    with pytest.raises(RemoteError, match="EX_SECURITY: no"):
        read_found(ANDROID_11, ParcelReader.of(thrown))


@given(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=109))
def test_a_name_is_read_as_it_was_written(name: str) -> None:
    assert read_name(ParcelReader.of(Parcel(ANDROID_10.wire).string16(name))) == name


def test_a_name_of_which_only_the_length_came_is_empty() -> None:
    assert read_name(ParcelReader.of(Parcel(ANDROID_10.wire).int32(127))) == ""
