package android.annotation;

public @interface Discouraged {
    String message();
}
