"""AOSP's tests that fail for a reason that is known, and is not the driver's or libbinder's."""

from __future__ import annotations

NOT_IN_LINUX = (
    "binder_node.sched_policy and FLAT_BINDER_FLAG_INHERIT_RT, by which a thread takes over its caller's "
    "priority, are in Android's kernels, not in Linux"
)
EXPECTED_FAILURES = {
    "BinderLibTest.SchedPolicySet": NOT_IN_LINUX,
    "BinderLibTest.InheritRt": NOT_IN_LINUX,
    "NdkBinder.GetDeclaredInstances": "the test counts from a variable that it has not initialised "
    "(libbinder_ndk_unit_test.cpp, Android 14)",
}
"""The reasons, by the names of the tests; elsewhere these tests pass."""
