"""How AOSP's framework in Java is compiled, to run in OpenJDK on a device."""
