"""AOSP's framework in Java, running in a process on the device that is directed from here."""
