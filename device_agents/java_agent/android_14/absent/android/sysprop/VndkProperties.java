package android.sysprop;

import java.util.Optional;

public class VndkProperties {
    public static Optional<String> product_vndk_version() { return Optional.empty(); }
}
