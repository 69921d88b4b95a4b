"""The kernel's Binder interface: numbers, structures, commands and returns."""
