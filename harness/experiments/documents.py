"""Binder harness's own documents: the three with which it began, and what AOSP and the kernel publish."""

from __future__ import annotations

from harness.experiments.core.source_documents import source_document

source_document(
    "A",
    "Inter-process communication in Android",
    about="from sendBroadcast down to the kernel's mmap",
)
source_document(
    "B",
    "The Binder driver and the Service Manager",
    about="after the book “Understanding the Android Kernel's Design”",
)
source_document(
    "C",
    "Binder in depth",
    about="the one copy, the size limit, registering and looking up services",
)
source_document(
    "D",
    "Android Open Source Project: Binder",
    about="the pages on threads, contexts and scatter-gather",
    url="https://source.android.com/docs/core/architecture/ipc/binder-overview",
)
source_document(
    "E",
    "Android API reference: IBinder and its like",
    about="android.os.IBinder, TransactionTooLargeException, AIDL, and libbinder's headers",
    url="https://developer.android.com/reference/android/os/IBinder",
)
source_document(
    "F",
    "Linux: binderfs, and the driver's header",
    about="Documentation/admin-guide/binderfs.rst, include/uapi/linux/android/binder.h, Kconfig",
    url="https://docs.kernel.org/admin-guide/binderfs.html",
)
