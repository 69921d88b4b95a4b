package android.annotation;

public @interface UptimeMillisLong {}
