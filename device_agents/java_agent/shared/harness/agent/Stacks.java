package harness.agent;

import android.os.Binder;
import android.os.IBinder;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The Java stacks of transactions as they are sent, by AOSP's own hook in BinderProxy.transact. */
class Stacks implements Binder.ProxyTransactListener {
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
                call.put("stack", Throwables.frames(new Throwable(), framesOfHook()));
                calls.put(call);
            } catch (JSONException impossible) {
                throw new AssertionError(impossible);
            }
        }
        return null;
    }

    /** How many frames of the hook's are below that of BinderProxy.transact. */
    private static int framesOfHook() {
        StackTraceElement[] stack = new Throwable().getStackTrace();
        int at = 1;  // this method
        while (at < stack.length && !stack[at].getClassName().equals("android.os.BinderProxy")) {
            at++;
        }
        return at - 1;
    }

    @Override
    public void onTransactEnded(Object session) {}
}
