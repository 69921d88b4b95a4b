package android.annotation;

public @interface UserHandleAware {
    int enabledSinceTargetSdkVersion() default 0;
    String requiresPermissionIfNotCaller() default "";
    String requiresPermissionIfNotCallerProfileGroup() default "";
    String[] requiresAnyOfPermissionsIfNotCaller() default {};
    String[] requiresAnyOfPermissionsIfNotCallerProfileGroup() default {};
    int specialUserAllowed() default 0;
}
