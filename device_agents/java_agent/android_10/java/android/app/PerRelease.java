package android.app;

import android.app.IActivityManager.Stub;
import android.os.IBinder;
import android.os.Parcel;
import android.os.UserHandle;

/** What the agent has for one release alone: Android 10. */
class PerRelease {
    static final int TARGET_SDK = 29;
    static final int REGISTER_RECEIVER = Stub.TRANSACTION_registerReceiver;
    static final int BROADCAST_INTENT = Stub.TRANSACTION_broadcastIntent;
    static final int BIND_SERVICE = Stub.TRANSACTION_bindIsolatedService;

    /** Read what names the part of an application that broadcasts: nothing. */
    static void skipFeature(Parcel data) {}

    /** Read what names the part of an application that receives: nothing. */
    static void skipReceiverNames(Parcel data) {}

    /** Read who may receive a broadcast. */
    static void skipPermissions(Parcel data) {
        data.createStringArray();
    }

    /** Do what ActivityThread.attach does that an application's context needs: nothing. */
    static void attach(ActivityThread thread) {}

    /** The arguments of ContextImpl's constructor. */
    static Object[] contextArguments(ActivityThread thread, LoadedApk apk, ClassLoader loader) {
        return new Object[] {null, thread, apk, null, null, UserHandle.of(0), 0, loader, null};
    }

    /** The application of a service, which need not have one. */
    static Application application() {
        return null;
    }

    static void addService(ActivityThread thread, IBinder token, Service service) {
        thread.mServices.put(token, service);
    }
}
