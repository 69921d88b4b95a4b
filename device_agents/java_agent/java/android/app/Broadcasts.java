package android.app;

import android.content.IIntentReceiver;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.Binder;
import android.os.Bundle;
import android.os.IBinder;
import android.os.RemoteException;
import java.io.PrintWriter;

/** The stand-in's receivers, and the queues of the broadcasts that they get. */
public abstract class Broadcasts {
    private static final String OF_ANDROID_6 = "com.android.server.am.QueueOfAndroid6";

    /** Who calls the activity manager. */
    public static class Caller {
        public final IApplicationThread thread;
        public final int pid = Binder.getCallingPid();
        public final int uid = Binder.getCallingUid();

        Caller(IBinder thread) {
            this.thread = IApplicationThread.Stub.asInterface(thread);
        }
    }

    /** What the receivers of an ordered broadcast hand on, and its sender gets in the end. */
    public static class Result {
        public final int code;
        public final String data;
        public final Bundle extras;

        Result(int code, String data, Bundle extras) {
            this.code = code;
            this.data = data;
            this.extras = extras;
        }
    }

    /** AOSP's queue of Android 6, where the agent was built with it, or else one of the stand-in's own. */
    static Broadcasts create() throws ReflectiveOperationException {
        try {
            return (Broadcasts) Class.forName(OF_ANDROID_6).getConstructor().newInstance();
        } catch (ClassNotFoundException absent) {
            return new OwnQueue();
        }
    }

    /** The release of Android whose queue it is; null for the stand-in's own. */
    public abstract Integer release();

    public abstract void register(Caller by, String packageName, IIntentReceiver receiver, IntentFilter filter)
            throws RemoteException;

    public abstract void unregister(IBinder receiver);

    /** Queue a broadcast for those who receive it now; its sender waits for none of them. */
    public abstract void send(
            Caller by, Intent intent, String type, IIntentReceiver resultTo, Result result, boolean ordered);

    /** Take what BroadcastReceiver.PendingResult finishes with. */
    public abstract void finish(IBinder receiver, Result result, boolean abort);

    /** What `dumpsys activity broadcasts` prints. */
    public abstract void dump(PrintWriter writer);
}
