"""libbinder's ProcessState, as AOSP's own library shows it."""
