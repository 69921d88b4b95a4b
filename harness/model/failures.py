"""Transactions that end: answered, undelivered, or given up by who was to handle them."""

from __future__ import annotations

from harness.binder.abi.uapi import BinderReturn
from harness.model.records import Transaction


def fail_call(call: Transaction, code: BinderReturn) -> None:
    """Answer a call with an error; if its caller has ended, the call that that was made for, and so on.

    binder_send_failed_reply.
    """
    each: Transaction | None = call
    while each is not None:
        caller, outer = each.caller, each.outer_of_caller
        if caller is not None:
            assert caller.stack is each, (
                "the kernel would stop here: BUG_ON in binder_pop_transaction_ilocked"
            )
            caller.stack = outer
            each.caller = None
            if caller.reply_error.code == BinderReturn.BR_OK:
                caller.reply_error.code = code
                caller.give(caller.reply_error)
        finish(each)
        if caller is not None:
            return
        each = outer


def drop(transaction: Transaction, code: BinderReturn) -> None:
    """End a transaction that nobody has read: its caller gets `code`. binder_cleanup_transaction."""
    assert transaction.buffer is not None
    if transaction.buffer.node is not None and not transaction.one_way:
        fail_call(transaction, code)
    else:
        finish(transaction)


def finish(transaction: Transaction) -> None:
    """Forget a transaction; its buffer stays until it is freed. binder_free_transaction."""
    if transaction.target is not None:
        transaction.target.unfinished -= 1
        if transaction.buffer is not None:
            transaction.buffer.transaction = None
