"""Programs that run on a device, in C and C++, with the recipes of those that link AOSP's libraries."""
