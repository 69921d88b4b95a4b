package harness.agent;

import android.os.Binder;
import android.os.IBinder;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The Java stacks of transactions as they are sent, by AOSP's own hook in BinderProxy.transact. */
class Stacks implements Binder.ProxyTransactListener {
    /** Frames of this class and of the hook's call. */
    private static final int OWN_FRAMES = 1;

    private final JSONArray calls = new JSONArray();
    private final Thread thread = Thread.currentThread();

    /** From now on, the transactions of this thread are added to the array. */
    static JSONArray begin() {
        Stacks listener = new Stacks();
        Binder.setProxyTransactListener(listener);
        return listener.calls;
    }

    static void end() {
        Binder.setProxyTransactListener(null);
    }

    @Override
    public Object onTransactStarted(IBinder binder, int code) {
        if (Thread.currentThread() == thread) {
            try {
                JSONObject call = new JSONObject().put("code", code);
                call.put("stack", Throwables.frames(new Throwable(), OWN_FRAMES));
                calls.put(call);
            } catch (JSONException impossible) {
                throw new AssertionError(impossible);
            }
        }
        return null;
    }

    @Override
    public void onTransactEnded(Object session) {}
}
