package android.compat.annotation;

public @interface Disabled {}
