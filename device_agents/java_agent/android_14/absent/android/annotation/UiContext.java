package android.annotation;

public @interface UiContext {}
