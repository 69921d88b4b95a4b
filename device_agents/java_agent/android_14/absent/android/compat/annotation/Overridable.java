package android.compat.annotation;

public @interface Overridable {}
