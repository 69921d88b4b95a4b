"""SELinux policies for the embedded device, written from the facts of AOSP's, and their compilation."""
