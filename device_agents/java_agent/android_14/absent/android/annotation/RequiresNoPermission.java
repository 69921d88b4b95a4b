package android.annotation;

public @interface RequiresNoPermission {}
