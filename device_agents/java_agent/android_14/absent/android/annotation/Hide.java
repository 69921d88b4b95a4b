package android.annotation;

public @interface Hide {}
