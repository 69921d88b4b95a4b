from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.abi import returns
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderReturn
from harness.binder.errors import MalformedCommandsError

words = st.integers(0, 2**64 - 1)
any_return: st.SearchStrategy[returns.Return] = st.one_of(
    st.just(returns.Noop()),
    st.just(returns.TransactionComplete()),
    st.builds(returns.Acquire, words, words),
    st.builds(returns.DeadBinder, words),
    st.builds(returns.Error, st.integers(-4095, -1)),
    st.builds(returns.Reply, data_size=words, buffer=words),
    st.builds(
        returns.TransactionSecurityContext, target=words, sender_pid=st.integers(0, 2**22), secctx=words
    ),
    st.builds(returns.FrozenBinder, words, st.integers(0, 1)),
)


@given(st.lists(any_return))
def test_a_read_buffer_reads_back(returned: list[returns.Return]) -> None:
    assert returns.parse(b"".join(each.encode() for each in returned)) == returned


def test_every_return_has_a_class() -> None:
    assert set(returns.RETURNS) == set(BinderReturn)
    for word, kind in returns.RETURNS.items():
        assert word >> 16 & 0x3FFF == kind.sizeof()


def test_a_transaction_with_a_security_context_is_a_transaction() -> None:
    [returned] = returns.parse(
        returns.TransactionSecurityContext(code=3, flags=TransactionFlag.TF_ONE_WAY, secctx=0x7F00).encode()
    )
    assert isinstance(returned, returns.Transaction)
    assert returned.one_way
    assert "secctx=0x7f00" in repr(returned)


def test_an_unknown_code_is_named_with_offset_type_number_and_bytes() -> None:
    with pytest.raises(
        MalformedCommandsError, match=r"at byte 4: unknown code 0x0000727f \(type 'r', number 127"
    ):
        returns.parse(returns.Noop().encode() + bytes.fromhex("7f720000"))


@pytest.mark.parametrize("size", [1, 3, 6, 19])
def test_a_cut_return_is_refused(size: int) -> None:
    with pytest.raises(MalformedCommandsError, match="at byte 0: "):
        returns.parse(returns.Acquire(ptr=1, cookie=2).encode()[:size])
