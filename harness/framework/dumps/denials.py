"""SELinux's denials about Binder: calls, objects that are passed on, and services.

Forms: security/selinux/avc.c and security/lsm_audit.c (Linux 3.10 to 7.3), and the service managers' own
checks (frameworks/native/cmds/servicemanager/Access.cpp, system/hwservicemanager/AccessControl.cpp). The
classes and their permissions: system/sepolicy/private/access_vectors.
"""

from __future__ import annotations

import re

from harness.binder.refusals.refusal import Refusal

_DENIAL = re.compile(
    r"avc:\s+denied\s+\{ (?P<permissions>[^}]*) \}(?P<rest>.*?)"
    r"\bscontext=(?P<source>\S+) tcontext=(?P<object>\S+) "
    r"tclass=(?P<class>binder|(?:hw)?service_manager)\b(?: permissive=(?P<permissive>\d))?"
)
_PID = re.compile(r"\bpid=(?P<pid>\d+)")
_NAME = re.compile(r"\b(?:service|interface)=(?P<name>\S+)")
_OF_BINDER = {
    "call": "call objects of processes in {object}",
    "transfer": "pass an object or a descriptor on to processes in {object}",
    "set_context_mgr": "become the context manager",
    "impersonate": "impersonate {object}",
}
_OF_A_SERVICE = {
    "find": "look {name} up",
    "add": "register {name}",
    "list": "list the services",
}
_RESULT = {
    "binder": "The driver answers BR_FAILED_REPLY with EPERM",
    "service_manager": "The service manager answers as if there were no such service, or throws EX_SECURITY",
}


def denial_in(line: str) -> Refusal | None:
    """What the denial about Binder in a line of a log means; None where there is none."""
    match = _DENIAL.search(line) if "tclass=" in line else None
    if match is None:
        return None
    name = _NAME.search(match["rest"])
    values = {"object": match["object"], "name": name["name"] if name else "a service"}
    allowed = _OF_BINDER if match["class"] == "binder" else _OF_A_SERVICE
    wanted = [
        allowed[each].format(**values) if each in allowed else f"do `{each}` to {match['object']}"
        for each in match["permissions"].split()
    ]
    permissive = match["permissive"] == "1"
    result = _RESULT[match["class"].removeprefix("hw")]
    if permissive:
        result = "It was only logged, for SELinux or this domain is permissive, and went on"
    pid = _PID.search(match["rest"])
    source = f"{match['source']}, process {pid['pid']}," if pid else match["source"]
    return Refusal(
        meaning=f"SELinux does not allow {source} to {' and '.join(wanted)}. {result}.",
        at_fault="nobody yet: an enforcing device would refuse it"
        if permissive
        else "the policy, which has no such rule; or the process, if it should not do this",
        decided_by=f"the rule `allow {_type(match['source'])} {_type(match['object'])}:{match['class']} "
        f"{{ {match['permissions']} }};` (AOSP's macros are binder_call, binder_use, add_service)",
        look_at="the domain of each process (`ps -AZ`): one with the wrong label, such as init's or a "
        "shell's, was started in a wrong way; and neverallow rules",
    )


def _type(context: str) -> str:
    """The type in `u:r:TYPE:s0`."""
    parts = context.split(":")
    return parts[2] if len(parts) > 2 else context
