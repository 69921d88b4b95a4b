package android.annotation;

import java.lang.annotation.Repeatable;

@Repeatable(SystemApi.Container.class)
public @interface SystemApi {
    enum Client {
        PRIVILEGED_APPS,
        MODULE_LIBRARIES,
        SYSTEM_SERVER
    }

    Client client() default Client.PRIVILEGED_APPS;

    @interface Container {
        SystemApi[] value();
    }
}
