package android.compat.annotation;

public @interface EnabledSince {
    int targetSdkVersion();
}
