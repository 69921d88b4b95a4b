package harness.agent;

import android.content.IntentFilter;
import org.json.JSONObject;

/**
 * Uses what a run uses, as far as that goes without a binder device, for the list of classes to load in advance: a class
 * that is not on it is loaded, and verified, when it is first used.
 */
class Rehearsal {
    private static final String[] CLASSES = {
            "android.app.ActivityManagerStandin",
            "android.app.ActivityThread$ApplicationThread",
            "android.app.Broadcasts",
            "android.app.Broadcasts$Caller",
            "android.app.Broadcasts$Result",
            "android.app.IActivityManager$Stub$Proxy",
            "android.app.IApplicationThread$Stub$Proxy",
            "android.app.IServiceConnection$Stub$Proxy",
            "android.app.LoadedApk$ReceiverDispatcher$InnerReceiver",
            "android.app.LoadedApk$ServiceDispatcher$InnerConnection",
            "android.content.IIntentReceiver$Stub$Proxy",
            "android.os.BinderProxy",
            "android.os.DeadObjectException",
            "android.os.Handler",
            "android.os.IServiceManager",
            "android.os.Message",
            "android.os.ServiceManager",
            "android.os.ServiceManagerNative",
            "android.os.ServiceManagerProxy",
            "android.os.ThreadLocalWorkSource",
            "android.os.TransactionTooLargeException",
            "com.android.internal.os.BinderInternal",
            "harness.agent.ScriptedBinder",
            "harness.agent.Stacks",
    };
    private static final String INTENT = "{\"action\":\"com.example.REHEARSAL\",\"data\":\"content://com.example/1\","
            + "\"component\":[\"com.example\",\"com.example.Receiver\"],\"extras\":{\"text\":[\"String\",\"x\"],"
            + "\"number\":[\"Long\",\"1\"],\"list\":[\"ArrayList\",[[\"Integer\",1]]],\"bytes\":[\"byte[]\",\"00\"],"
            + "\"bundle\":[\"Bundle\",{\"half\":[\"Double\",\"0\"]}]}}";

    static void run(Requests requests) throws Throwable {
        for (String name : CLASSES) {
            Class.forName(name, false, ClassLoader.getSystemClassLoader());
        }
        String written = requests.answer("{\"do\":\"writeIntent\",\"intent\":" + INTENT + "}").getString("result");
        requests.answer("{\"do\":\"readIntent\",\"data\":\"" + written + "\"}");
        requests.answer("{\"do\":\"no such command\"}");
        Application.application();
        new IntentFilter("com.example.REHEARSAL").match(null, Values.intent(new JSONObject(INTENT)), false, "");
        System.out.println(written);
    }
}
