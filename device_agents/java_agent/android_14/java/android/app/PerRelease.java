package android.app;

import android.app.ActivityThread.CreateServiceData;
import android.app.IActivityManager.Stub;
import android.content.ContextParams;
import android.content.pm.ServiceInfo;
import android.os.IBinder;
import android.os.Parcel;
import android.os.UserHandle;
import java.lang.reflect.Field;

/** What the agent has for one release alone: Android 14. */
class PerRelease {
    static final int TARGET_SDK = 34;
    static final int REGISTER_RECEIVER = Stub.TRANSACTION_registerReceiverWithFeature;
    static final int BROADCAST_INTENT = Stub.TRANSACTION_broadcastIntentWithFeature;
    static final int BIND_SERVICE = Stub.TRANSACTION_bindServiceInstance;

    /** Read what names the part of an application that broadcasts. */
    static void skipFeature(Parcel data) {
        data.readString();
    }

    /** Read what names the part of an application that receives, and its receiver. */
    static void skipReceiverNames(Parcel data) {
        data.readString();
        data.readString();
    }

    /** Read who may receive a broadcast, and who may not. */
    static void skipPermissions(Parcel data) {
        data.createStringArray();
        data.createStringArray();
        data.createStringArray();
    }

    /** Do what ActivityThread.attach does that an application's context needs: it looks for the instrumentation there. */
    static void attach(ActivityThread thread) throws ReflectiveOperationException {
        thread.mInstrumentation = new Instrumentation();
        Field current = ActivityThread.class.getDeclaredField("sCurrentActivityThread");
        current.setAccessible(true);
        current.set(null, thread);
    }

    /** The arguments of ContextImpl's constructor. */
    static Object[] contextArguments(ActivityThread thread, LoadedApk apk, ClassLoader loader) {
        return new Object[] {
            null, thread, apk, ContextParams.EMPTY, null, null, null, null, UserHandle.of(0), 0, loader, null
        };
    }

    /** The application of a service, which asks it what to capture. */
    static Application application() {
        return new Application();
    }

    static void addService(ActivityThread thread, IBinder token, Service service) {
        CreateServiceData data = new CreateServiceData();
        data.token = token;
        data.info = new ServiceInfo();  // which asks for no permission
        thread.mServicesData.put(token, data);
        thread.mServices.put(token, service);
    }
}
