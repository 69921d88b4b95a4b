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
