"""An executable specification of the Binder driver: what each command does, and in which kernel function.

The model describes the C driver (drivers/android/binder.c and binder_alloc.c, Linux 6.1 and 6.12) for callers
of which one at a time does something: a system call ends, or waits, before the next begins. `World` is the
driver, `steps` are what processes do, `views` is what its debug files have to show. It touches no device.
"""
