package android.compat.annotation;

public @interface ChangeId {}
