package android.compat.annotation;

public @interface EnabledAfter {
    int targetSdkVersion();
}
