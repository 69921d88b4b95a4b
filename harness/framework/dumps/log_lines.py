"""What Android's libraries, its activity manager and adb write about Binder in logs, and what that means.

Sources: frameworks/native/libs/binder (IPCThreadState.cpp, BpBinder.cpp), frameworks/base
(android_util_Binder.cpp, BinderProxy.java, ActivityManagerService.java), packages/modules/adb.
"""

from __future__ import annotations

import re
from dataclasses import replace

from harness.binder.parcels.status import ExceptionCode
from harness.binder.refusals.driver import ONEWAY_SPAM, PENDING_FROZEN
from harness.binder.refusals.refusal import Refusal
from harness.binder.refusals.replies import EXCEPTIONS
from harness.framework.dumps.denials import denial_in
from harness.framework.dumps.start_lines import START_LINES

KEYWORDS = (
    "TransactionTooLargeException",
    "DeadObjectException",
    "DeadSystemException",
    "FAILED BINDER TRANSACTION",
    "starved for",
    "arge outgoing transaction",
    "too many entries",
    "too many Binders",
    "oo many binder proxy",
    "ServiceSpecificException",
    "BadParcelableException",
    "SecurityException",
    "Status(",
    "calling service",
    "binder stub",
    "Uncaught remote exception",
    "marshal",
    "/dev/binder",
    "inder driver",
    "context manager failed",
    "frozen process",
    "too many oneway",
    "aiting for service",
    "VINTF manifest",
    "device manifest",
    "aited one second for",
    "inder transaction failure",
    "aidl service",
    "'aidl/",
    "tclass=",
)
"""Words that every line about Binder has, of those that stand in logs of anything."""

LOG_LINES: tuple[tuple[re.Pattern[str], Refusal], ...] = (
    (
        re.compile(r"[Bb]inder thread pool \(\d+ threads\) starved for (\d+) ms"),
        Refusal(
            meaning="every looper of the process was busy for that long, and calls to it waited.",
            at_fault="the process that logs it: its handlers are slow, or wait for others themselves",
            decided_by="the number of its threads (15 and its own, unless it sets another), and what they do",
            look_at="the stacks of its Binder threads at that moment; who waits for whom in Binder's state",
            claims=("proto.looper",),
        ),
    ),
    (
        re.compile(r"arge outgoing transaction of (\d+) bytes"),
        Refusal(
            meaning="libbinder warns of a transaction of more than 300 KiB. It was sent; a larger one, "
            "or several at once, may find no room.",
            at_fault="the process that logs it; the line names interface and code",
            decided_by="the size alone",
            look_at="what it sends: shared memory, or a file's descriptor, in its place",
            claims=("limit.largest-sync", "limit.shared-by-calls"),
        ),
    ),
    (
        re.compile(r"Transaction failed on small parcel"),
        Refusal(
            meaning="a transaction of at most 200 KiB failed, and Java cannot see why: the other process "
            "died, or a mapping was full (android_util_Binder.cpp, FAILED_TRANSACTION).",
            at_fault="the receiver: it died, or does not free its buffers",
            decided_by="whether it lives, and the free space of its mapping",
            look_at="the kernel log at that moment (`transaction failed`), and the exits of processes",
            claims=("proto.death", "limit.shared-by-calls"),
        ),
    ),
    (
        re.compile(r"Dead(?:Object|System)Exception|\bDEAD_OBJECT\b"),
        Refusal(
            meaning="the object's process is dead; DeadSystemException is that of the system server.",
            at_fault="the receiver, which is gone",
            decided_by="whether the process that owns the object lives",
            look_at="why it ended: the log before this line, tombstones, `am_kill`, `am_proc_died`",
            claims=("proto.death",),
        ),
    ),
    (
        re.compile(r"ProxyMap has too many entries|sent too many Binders|oo many binder proxy objects"),
        Refusal(
            meaning="one process holds thousands of another's objects, and does not drop them. Android kills "
            "the app that sent the system server more than 6,000; at 20,000 in all the holder itself ends.",
            at_fault="whoever sends new objects (listeners, tokens) again and again, or the holder, which "
            "keeps them",
            decided_by="the watermarks of BinderProxy (ActivityManagerService, BINDER_PROXY_HIGH_WATERMARK)",
            look_at="the classes in the histogram after the line; `binder-harness inspect` on two states",
            claims=("proto.refcounts",),
        ),
    ),
    (
        re.compile(r"Uncaught remote exception!"),
        Refusal(
            meaning="a method of this process, called over Binder, threw an Error, or an exception that a "
            "reply cannot carry; its caller gets no exception, and may end with UNKNOWN_ERROR.",
            at_fault="the process that logs it",
            decided_by="the method's code; a reply carries eight kinds of exceptions (Parcel.java, "
            "writeException)",
            look_at="the stack trace below the line",
            claims=("call.marshalling",),
        ),
    ),
    (
        re.compile(r"Unmarshalling unknown type code|[Uu]nable to (?:un)?marshal value"),
        replace(
            EXCEPTIONS[ExceptionCode.EX_BAD_PARCELABLE],
            meaning="a value in a Bundle or a parcel is of no type that Parcel knows, or is read at the "
            "wrong place: the two sides write and read different fields, or in another order.",
        ),
    ),
    (
        re.compile(r"seems to be sending too many oneway calls"),
        replace(
            ONEWAY_SPAM,
            meaning="libbinder was told (BR_ONEWAY_SPAM_SUSPECT) that this process's one-way calls fill most "
            "of a receiver's space: over 50 unfreed buffers, or half of the space.",
            at_fault="the process that logs it; or the receiver, if it is stuck",
        ),
    ),
    (re.compile(r"Sending oneway calls to frozen process"), PENDING_FROZEN),
    (
        re.compile(r"Caught a RuntimeException from the binder stub implementation"),
        Refusal(
            meaning="a method of this process, called over Binder, threw. Parcel passes the exception to the "
            "caller if it is of a kind that it can write, and the call was not one-way; the process lives "
            "on.",
            at_fault="the process that logs it, or its caller's arguments",
            decided_by="the method's code",
            look_at="the stack trace below the line: the first frame below `onTransact` is the method",
            claims=("call.marshalling",),
        ),
    ),
    (
        re.compile(
            r"Waiting for service '?\S+'? on |Service \S+ didn't start\. Returning NULL|"
            r"Waited one second for \S+::"
        ),
        Refusal(
            meaning="the process asks the service manager again and again for a service that nobody has "
            "registered yet; up to five seconds, or without end (waitForService).",
            at_fault="the process that should register it: it has not started, crashes, or may not",
            decided_by="whether that process runs and calls addService",
            look_at="`service list`; the process's exits in the log; `avc: denied { add }`; the VINTF "
            "manifest for services of the vendor's",
            claims=("sm.register-lookup",),
        ),
    ),
    (
        re.compile(
            r"Tried to start aidl service \S+ as a lazy service|"
            r"Could not find 'aidl/\S+' for ctl\.interface_start"
        ),
        Refusal(
            meaning="somebody asked for a service that is not registered, and servicemanager asked init to "
            "start the process that offers it; no .rc file has `interface aidl NAME` for it.",
            at_fault="nobody, if the service may be absent; otherwise the .rc file of its process",
            decided_by="the `interface` lines of the .rc files that init has read",
            look_at="whether the process runs already and has not registered yet, or is not installed",
            claims=("sm.register-lookup",),
        ),
    ),
    (
        re.compile(
            r"Could not find \S+ in the VINTF manifest|"
            r"Cannot find entry \S+ in either framework or device manifest"
        ),
        Refusal(
            meaning="the service is not declared in this device's VINTF manifest: nobody may register it, "
            "and whoever asks for it is told that there is none.",
            at_fault="nobody, if the device has no such hardware; otherwise its vendor's manifest",
            decided_by="/vendor/etc/vintf/manifest.xml and its fragments, and those of the system and of "
            "APEXes",
            look_at="the manifest; the name's version and instance in it",
        ),
    ),
    (
        re.compile(r"^(?:service: )?Service \S+(?: does not exist|: not found)|Can't find service: \S"),
        Refusal(
            meaning="the service manager has no service of that name; `service call` says so of one that "
            "does not answer, too.",
            at_fault="the process that should register it; or the name, which differs from release to "
            "release",
            decided_by="who has registered which name; SELinux, which hides what the caller may not find",
            look_at="`service list` and `dumpsys -l`; `avc: denied { find }` in the log",
            claims=("sm.register-lookup",),
        ),
    ),
    (
        re.compile(r"root access is disabled by system setting", re.IGNORECASE),
        Refusal(
            meaning="adbd stays without root: a switch of this system forbids it, which LineageOS and others "
            "have.",
            at_fault="nobody",
            decided_by="the setting that the sentence names, in the developer options",
            look_at="that switch; then `adb root` again",
        ),
    ),
    (
        re.compile(r"\bFAIL0006closed\b|\berror: closed\b"),
        Refusal(
            meaning="adbd ended the request at once, for it does not know it: up to Android 6 there is no "
            "shell protocol (`shell,v2`), which carries exit codes.",
            at_fault="the device's adbd, which is old",
            decided_by="its features, which `adb features` lists",
            look_at="whether `shell_v2` is among them",
        ),
    ),
    (
        re.compile(r"more than one device(?: with serial|/emulator| and emulator)"),
        Refusal(
            meaning="several devices answer to what was given.",
            at_fault="nobody",
            decided_by="the serials, which cheap devices have in common",
            look_at="`adb devices -l`: choose by `usb:…` or `transport_id`",
        ),
    ),
)
"""Forms of lines with their meaning, the more special ones first."""


def meaning_of(line: str) -> Refusal | None:
    """What a line of a log means, if it is one of these."""
    if denial := denial_in(line):
        return denial
    return next((meaning for form, meaning in (*LOG_LINES, *START_LINES) if form.search(line)), None)
