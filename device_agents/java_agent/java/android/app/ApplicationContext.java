package android.app;

import android.content.Context;
import android.content.pm.ApplicationInfo;
import android.content.res.CompatibilityInfo;
import android.os.IBinder;
import android.os.Process;
import java.lang.reflect.Constructor;

/**
 * A ContextImpl of an application that has no resources. It is in this package for the sake of what AOSP's classes show
 * to each other alone, and begins where ActivityThread.handleBindApplication has its ApplicationInfo.
 */
public class ApplicationContext {
    private static final String PACKAGE = "com.example";

    private final ActivityThread thread = new ActivityThread();

    /** The context of this process. */
    public final Context context;

    /** To be called on the main thread, whose Looper it uses. */
    public ApplicationContext() throws ReflectiveOperationException {
        PerRelease.attach(thread);
        ApplicationInfo info = new ApplicationInfo();
        info.packageName = PACKAGE;
        info.processName = PACKAGE;
        info.uid = Process.myUid();
        info.targetSdkVersion = PerRelease.TARGET_SDK;
        ClassLoader loader = ClassLoader.getSystemClassLoader();
        LoadedApk apk =
                new LoadedApk(thread, info, CompatibilityInfo.DEFAULT_COMPATIBILITY_INFO, loader, false, true, false);
        Constructor<?> constructor = ContextImpl.class.getDeclaredConstructors()[0];
        constructor.setAccessible(true);
        context = (Context) constructor.newInstance(PerRelease.contextArguments(thread, apk, loader));
    }

    /** What the activity manager calls this process by. */
    public IBinder applicationThread() {
        return thread.getApplicationThread();
    }

    /** Have a service exist, as ActivityThread.handleCreateService does, which finds it in an application's package. */
    public void addService(Service service, IBinder token) {
        service.attach(context, thread, service.getClass().getName(), token, PerRelease.application(),
                ActivityManager.getService());
        service.onCreate();
        PerRelease.addService(thread, token, service);
    }
}
