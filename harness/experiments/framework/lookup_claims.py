"""Claims about lookups of services: what is kept in the process that looked up, and what is logged."""

from __future__ import annotations

from collections.abc import Sequence

from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.framework.java_lookups import (
    CALLS_FOR_STATISTICS,
    JavaLookups,
    JavaSlowLookups,
    TimedLookup,
    asked_directly,
)
from harness.experiments.framework.lookups import Lookups, SlowLookups
from harness.experiments.framework.measurements import measure_framework_lookups, measure_slow_lookups
from harness.framework.java.agent import provenance

CORE_MILLISECONDS, APP_MILLISECONDS = 10, 50
CALLS_IN_TOTALS = 100
"""ServiceManager.java, GET_SERVICE_LOG_EVERY_CALLS_CORE."""
TRACE = "binder_transaction, binder_transaction_received"
EVENTS = "android.util.EventLog"
INCOMPLETE = (
    "needs a complete trace of the process that looks up, and this one has none of its calls, or lost some. "
    "It can be tested once more."
)


@claim(
    "service.cache",
    measure=measure_framework_lookups,
    documents="AC",
    statement="The second getService or getSystemService of a process calls nobody: the first one's object "
    "is kept.",
    experiment="With the framework warm, have the activity manager send broadcasts from the shell, and count "
    "by tracing how often its own process, which uses many services, calls the service manager meanwhile. "
    "Where Java can be asked directly, AOSP's or the device's own on ART, count the calls for getService "
    "again and again, for as many after initServiceCache, and for a second getSystemService.",
    source="core/java/android/os/ServiceManager.java, sCache, initServiceCache; "
    "core/java/android/app/SystemServiceRegistry.java, CachedServiceFetcher; Android 10 and 11",
    expected=Expectation(
        "confirmed of a working framework, conditional of Java that is asked directly",
        lambda facts: Verdict.CONDITIONAL if asked_directly(facts) else Verdict.CONFIRMED,
    ),
    needs=(Need.FRAMEWORK_CODE, Need.TRACING),
    what_is_true="getService keeps nothing: each call is a transaction, and Java finds the one proxy that it "
    "has for the handle that comes back. Kept are the services that the activity manager hands to an "
    "application when it is bound (initServiceCache), and the manager objects that getSystemService makes, "
    "one for each context.",
)
def service_cache(m: Lookups | JavaLookups, facts: Facts) -> Finding:
    """What decides is that a process that works no longer calls the service manager."""
    if isinstance(m, JavaLookups):
        return _java_cache(m)
    if m.lost or not m.calls:
        return Finding.not_testable(INCOMPLETE)
    return Finding.whether(
        m.lookups == 0,
        "during {broadcasts} the framework's process sent {transactions}; {lookups} went to the service "
        "manager",
        broadcasts=Figure(m.broadcasts, "cmd activity broadcast", unit="broadcasts"),
        transactions=Figure(m.calls, TRACE, unit="transactions", varies=True),
        lookups=Figure(m.lookups, TRACE, unit="calls"),
    )


def _java_cache(m: JavaLookups) -> Finding:
    """Each of the three ways of looking up is a case of its own."""
    if m.lost or m.manager is None:
        return Finding.not_testable(INCOMPLETE)
    java = provenance(m.release, m.node, art=m.art)
    return Finding.in_cases(
        (m.uncached <= 1, m.cached == 0, m.same_manager and m.for_manager <= 1),
        f"with {java}, {{lookups}} of getService made {{calls.uncached}} to the "
        f"service manager and returned {'one object' if m.same_object else 'several objects'}, as many after "
        "initServiceCache {calls.cached}; two of getSystemService made {calls.manager} and returned "
        f"{'one object' if m.same_manager else 'two objects'}",
        lookups=Figure(m.times, "the experiment's own", unit="lookups"),
        same_object=Figure(m.same_object, "ServiceManager.getService", expected=True),
        manager=Figure(m.manager, "Context.getSystemService"),
        java=Figure(java, "open_java"),
        **{
            "calls.uncached": Figure(m.uncached, TRACE, expected=m.times, unit="calls"),
            "calls.cached": Figure(m.cached, TRACE, expected=0, unit="calls"),
            "calls.manager": Figure(m.for_manager, TRACE, expected=1, unit="calls"),
        },
    )


@claim(
    "service.slow-log",
    measure=measure_slow_lookups,
    documents="A",
    statement="Lookups that take longer than 10 ms in the framework, 50 ms in apps, are logged one by one, "
    "and totals every so many calls.",
    experiment="Read service_manager_slow and service_manager_stats in the event log. Confirmed if there are "
    "both kinds and no slow one took less than 10 ms. Where AOSP's Java can be asked directly, have the "
    "service manager answer early and late, to a process of the framework's and to an application's, and "
    "compare what each logs with its threshold and with the times of the driver's tracepoints.",
    source="core/java/android/os/ServiceManager.java, GET_SERVICE_SLOW_THRESHOLD_US_CORE and _NON_CORE, "
    "SLOW_LOG_INTERVAL_MS, GET_SERVICE_LOG_EVERY_CALLS_CORE; Android 10 and 11",
    expected=Expectation(
        "confirmed of what a working framework logged, conditional of Java that is asked directly",
        lambda facts: Verdict.CONFIRMED if facts.android_framework else Verdict.CONDITIONAL,
    ),
    needs=(Need.FRAMEWORK_CODE,),
    what_is_true="The thresholds are these, but not every slow lookup is logged: within five seconds after "
    "one, only a slower one is. Totals come every 100 calls in the framework and every 200 in apps, at most "
    "every five seconds.",
)
def service_slow_log(m: SlowLookups | JavaSlowLookups, facts: Facts) -> Finding:
    """An event log without either kind decides nothing: it may be that nothing was slow."""
    if isinstance(m, JavaSlowLookups):
        return _java_slow_log(m)
    if not (m.slow and m.counted):
        return Finding.not_testable(
            "needs slow lookups and totals in the event log, which lacks one or both now. It can be tested "
            "soon after the device has booted."
        )
    slow_log, totals_log = "event log, service_manager_slow", "event log, service_manager_stats"
    fastest = min(milliseconds for _, milliseconds in m.slow)
    return Finding.whether(
        fastest >= CORE_MILLISECONDS,
        "the event log holds {slow_count} as slow, the fastest of {fastest_slow_lookup}, and {totals_count}",
        slow_lookups=Figure(m.slow, slow_log, unit="ms", varies=True),
        slow_count=Figure(len(m.slow), slow_log, unit="lookups", varies=True),
        fastest_slow_lookup=Figure(fastest, slow_log, unit="ms", varies=True),
        calls_in_totals=Figure(m.counted, totals_log, unit="calls", varies=True),
        totals_count=Figure(len(m.counted), totals_log, unit="totals", varies=True),
    )


def _java_slow_log(m: JavaSlowLookups) -> Finding:
    """Two cases: what the thresholds are, and that every lookup above them is logged."""
    thresholds = ((CORE_MILLISECONDS, m.core), (APP_MILLISECONDS, m.app))
    early = any(lookup.took < APP_MILLISECONDS for lookup in m.app)
    if m.lost or not (early and all(_due(threshold, lookups) for threshold, lookups in thresholds)):
        return Finding.not_testable(
            "needs lookups below and above the thresholds, and a complete trace of them; the machine was too "
            "busy for one or the other. It can be tested once more."
        )
    totals = bool(m.counted) and all(calls >= CALLS_IN_TOTALS for calls in m.counted)
    return Finding.in_cases(
        (
            totals and all(_logged_from(threshold, lookups) for threshold, lookups in thresholds),
            all(lookup.logged is not None for case in thresholds for lookup in _due(*case)),
        ),
        f"with {provenance(m.release)}, a process of the framework's logged {{logged.core}} of lookups that "
        "took {took.core}, an application's {logged.app} of lookups that took {took.app}; the totals were of "
        "{calls_in_totals}",
        calls_in_totals=Figure(m.counted, f"{EVENTS}, service_manager_stats", unit="calls", varies=True),
        calls_for_totals=Figure(CALLS_FOR_STATISTICS, "the experiment's own", unit="calls"),
        java=Figure(provenance(m.release), "open_java"),
        **{
            f"{what}.{whose}": Figure(values, place, unit="ms", varies=True)
            for whose, lookups in (("core", m.core), ("app", m.app))
            for what, place, values in (
                ("took", TRACE, tuple(lookup.took for lookup in lookups)),
                ("logged", f"{EVENTS}, service_manager_slow", _logged(lookups)),
            )
        },
    )


def _due(threshold: int, lookups: Sequence[TimedLookup]) -> list[TimedLookup]:
    """The lookups that took so many milliseconds."""
    return [lookup for lookup in lookups if lookup.took >= threshold]


def _logged(lookups: Sequence[TimedLookup]) -> tuple[int, ...]:
    return tuple(lookup.logged for lookup in lookups if lookup.logged is not None)


def _logged_from(threshold: int, lookups: Sequence[TimedLookup]) -> bool:
    """Whether each slow lookup that was slower than what was logged before was logged, and no quick one.

    Java times a lookup as at least as long as the driver, and logs whole milliseconds.
    """
    slowest = 0
    for lookup in lookups:
        if lookup.took >= threshold and lookup.took >= slowest + 1 and lookup.logged is None:
            return False
        slowest = max(slowest, lookup.logged or 0)
    return all(milliseconds >= threshold for milliseconds in _logged(lookups))
