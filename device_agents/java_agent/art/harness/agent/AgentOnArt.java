package harness.agent;

import android.app.ActivityThread;
import android.content.Context;
import android.os.Looper;
import org.json.JSONObject;

/**
 * A process that app_process starts on a device with ART: what runs in it is the device's own framework.
 *
 * <p>It has the user of its shell. It is no application: the activity manager, which does not know it, takes broadcasts
 * from it, but registers no receiver of its context's and binds no service for it. Its context is the system's, as in
 * commands of AOSP's (com.android.commands.telecom.Telecom). Threads that serve calls are app_process's
 * (cmds/app_process/app_main.cpp, AppRuntime::onStarted). Hidden methods are open to it: it is zygote that closes them,
 * to applications (art/runtime/runtime.cc, hidden_api_policy_).
 */
public class AgentOnArt implements Commands {
    private Context context;

    public static void main(String[] words) {
        Looper.prepareMainLooper();  // for the handlers that the context has
        new Requests(new Services(), new Parcels(), new AgentOnArt()).run();
    }

    @Override
    public Object run(String name, JSONObject request) throws Throwable {
        switch (name) {
            case "sendBroadcast":
                context().sendBroadcast(Values.broadcast(request));
                return null;
            case "getSystemService":
                return Services.managers(context(), request.getString("name"));
            default:
                return ANOTHER;
        }
    }

    /** Made at the first use: what else it does needs none. */
    private Context context() {
        if (context == null) {
            context = ActivityThread.systemMain().getSystemContext();
        }
        return context;
    }
}
