package android.compat.annotation;

public @interface UnsupportedAppUsage {
    long trackingBug() default 0;
    int maxTargetSdk() default Integer.MAX_VALUE;
    String publicAlternatives() default "";
    String expectedSignature() default "";
    String implicitMember() default "";
    String overrideSourcePosition() default "";
}
