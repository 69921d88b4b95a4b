from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.binder.abi import commands
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderCommand
from harness.binder.errors import MalformedCommandsError

handles = st.integers(0, 2**32 - 1)
words = st.integers(0, 2**64 - 1)
any_command: st.SearchStrategy[commands.Command] = st.one_of(
    st.builds(commands.Acquire, handles),
    st.builds(commands.FreeBuffer, words),
    st.builds(commands.RequestDeathNotification, handles, words),
    st.builds(commands.AcquireDone, words, words),
    st.builds(commands.Transaction, target=handles, code=handles, data_size=words, buffer=words),
    st.builds(commands.ReplySg, data_size=words, buffers_size=words),
    st.just(commands.EnterLooper()),
)


@given(st.lists(any_command))
def test_a_write_buffer_reads_back(written: list[commands.Command]) -> None:
    assert commands.parse(commands.compose(*written)) == written


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (commands.Acquire(2**32), r"Acquire\.handle is 4,294,967,296, and takes 0 to 4,294,967,295\."),
        (commands.Transaction(target=-1), r"Transaction\.target is -1, and takes 0 to 18,446,"),
        (commands.Transaction(target=1, code=2**32), r"Transaction\.code is 4,294,967,296, and takes 0 to "),
    ],
)
def test_a_number_that_does_not_fit_is_named(command: commands.Command, message: str) -> None:
    """It was `argument out of range`, or the format of the module struct."""
    with pytest.raises(UsageError, match=message):
        commands.compose(command)


def test_a_death_request_is_packed_without_padding() -> None:
    composed = commands.compose(commands.RequestDeathNotification(handle=7, cookie=0x1122334455667788))
    assert composed.hex() == "0e630c40" + "07000000" + "8877665544332211"


def test_every_command_has_a_class_except_the_two_that_drivers_refuse() -> None:
    missing = {BinderCommand(word) for word in BinderCommand} - set(commands.COMMANDS)
    assert missing == {BinderCommand.BC_ATTEMPT_ACQUIRE, BinderCommand.BC_ACQUIRE_RESULT}


def test_a_code_contains_the_size_of_its_parameter() -> None:
    for word, kind in commands.COMMANDS.items():
        assert word >> 16 & 0x3FFF == kind.sizeof()


def test_commands_are_values() -> None:
    call = commands.Transaction(target=1, code=2, flags=TransactionFlag.TF_ONE_WAY)
    assert call == commands.Transaction(target=1, code=2, flags=TransactionFlag.TF_ONE_WAY)
    assert call != commands.Transaction(target=1, code=2)
    assert repr(commands.FreeBuffer(0x7F0000001000)) == "FreeBuffer(buffer=0x7f0000001000)"


@given(any_command, st.integers(1, 63))
def test_a_cut_command_is_refused_with_its_offset(command: commands.Command, cut: int) -> None:
    encoded = command.encode()
    remaining = max(1, len(encoded) - cut)
    if remaining == len(encoded):
        return
    with pytest.raises(MalformedCommandsError, match="at byte 4: "):
        commands.parse(commands.compose(commands.EnterLooper()) + encoded[:remaining])
