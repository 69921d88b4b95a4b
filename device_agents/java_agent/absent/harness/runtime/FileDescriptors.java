package harness.runtime;

import java.io.FileDescriptor;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.WeakHashMap;

/** What Android's java.io.FileDescriptor has beyond OpenJDK's, under the same names and a dollar sign. */
public final class FileDescriptors {
    public static final long NO_OWNER = 0;

    /** By identity: OpenJDK's descriptors inherit equals() from Object. */
    private static final Map<FileDescriptor, Long> owners = Collections.synchronizedMap(new WeakHashMap<>());

    private FileDescriptors() {}

    public static int getInt(FileDescriptor descriptor) {
        return number(Objects.requireNonNull(descriptor));
    }

    public static void setInt(FileDescriptor descriptor, int number) {
        setNumber(Objects.requireNonNull(descriptor), number);
    }

    public static long getOwnerId(FileDescriptor descriptor) {
        return owners.getOrDefault(Objects.requireNonNull(descriptor), NO_OWNER);
    }

    public static void setOwnerId(FileDescriptor descriptor, long owner) {
        owners.put(Objects.requireNonNull(descriptor), owner);
    }

    public static boolean isSocket(FileDescriptor descriptor) {
        return isSocket(getInt(descriptor));
    }

    /** A new descriptor with its number and owner, which it has no longer. */
    public static FileDescriptor release(FileDescriptor descriptor) {
        FileDescriptor released = new FileDescriptor();
        setInt(released, getInt(descriptor));
        setOwnerId(released, getOwnerId(descriptor));
        setInt(descriptor, -1);
        setOwnerId(descriptor, NO_OWNER);
        return released;
    }

    private static native boolean isSocket(int number);

    private static native int number(FileDescriptor descriptor);

    private static native void setNumber(FileDescriptor descriptor, int number);
}
