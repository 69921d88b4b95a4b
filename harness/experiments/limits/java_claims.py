"""A claim about what Java makes of a transaction that is too large."""

from __future__ import annotations

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.limits.java_exceptions import (
    WARNING_ABOVE,
    WORD,
    JavaFailures,
    measure_too_large_in_java,
)
from harness.framework.java.agent import provenance

WARNS = 14
"""The release whose libbinder warns, of those with Java here; that of 10 does not."""
TOO_LARGE = "TransactionTooLargeException"


@claim(
    "limit.java-exception",
    measure=measure_too_large_in_java,
    documents="E",
    statement="If the arguments are too large to fit in the transaction buffer, the call fails and "
    "TransactionTooLargeException is thrown.",
    experiment="From AOSP's Java, send parcels of 200 KiB and of four bytes more to a process that has "
    "mapped 128 KiB, and a small one afterwards. Confirmed if both throw TransactionTooLargeException. Those "
    "of 300 KiB and of four bytes more show where later libbinder warns of large transactions.",
    source="android.os.TransactionTooLargeException; core/jni/android_util_Binder.cpp, "
    "signalExceptionForError, FAILED_TRANSACTION, Android 10 and 14; libs/binder/BpBinder.cpp, "
    "LOG_TRANSACTIONS_OVER_SIZE, Android 14",
    expected=Verdict.CONDITIONAL,
    needs=(Need.JAVA,),
    what_is_true="Java decides by the parcel's size alone: a failed transaction of more than 200 KiB throws "
    "TransactionTooLargeException, one of 200 KiB or less DeadObjectException, although the receiver lives.",
    taken_for_granted=True,
)
def limit_java_exception(m: JavaFailures, facts: Facts) -> Finding:
    """What decides is the exception's class; that the receiver answers afterwards shows that it lived."""
    warned = {}
    if m.release >= WARNS:
        warned["size.warned"] = Figure(
            min(m.warned, default=0), "libbinder's log", unit="bytes", expected=WARNING_ABOVE + WORD
        )
    return Finding.in_cases(
        (m.at_limit.exception == TOO_LARGE, m.above.exception == TOO_LARGE),
        f"with {provenance(m.release, m.node)}, to a process that maps {{mapping}}, a parcel of "
        "{size.at_limit} throws {exception.at_limit}, one of {size.above} {exception.above}; "
        f"a small one afterwards is {'answered' if m.next_answered else 'not answered'}"
        + ("; libbinder warned of one of {size.warned}, and of none of four bytes less" if warned else ""),
        mapping=Figure(m.mapping, "the experiment's own", unit="bytes"),
        next_answered=Figure(m.next_answered, "reply", expected=True),
        java=Figure(provenance(m.release, m.node), "open_java"),
        **{
            "size.at_limit": Figure(m.at_limit.size, "Parcel.dataSize", unit="bytes"),
            "size.above": Figure(m.above.size, "Parcel.dataSize", unit="bytes"),
            "exception.at_limit": Figure(
                m.at_limit.exception, "BinderProxy.transact", expected="DeadObjectException"
            ),
            "exception.above": Figure(m.above.exception, "BinderProxy.transact", expected=TOO_LARGE),
            "text.at_limit": Figure(m.at_limit.text, "Throwable.getMessage"),
            "text.above": Figure(m.above.text, "Throwable.getMessage"),
            **warned,
        },
    )
