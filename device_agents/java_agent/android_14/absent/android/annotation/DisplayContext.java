package android.annotation;

public @interface DisplayContext {}
