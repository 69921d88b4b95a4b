package harness.agent;

import android.os.Looper;
import com.android.internal.os.BinderInternal;
import org.json.JSONObject;

/** A process of OpenJDK in which AOSP's framework runs, and which the host directs. */
public class Agent implements Commands {
    public static void main(String[] words) throws Throwable {
        System.load(System.getProperty("harness.runtime"));
        Requests requests = new Requests(new Services(), new Parcels(), new Application(), new Agent());
        Looper.prepareMainLooper();
        if (words.length == 1 && words[0].equals("--rehearse")) {
            Rehearsal.run(requests);
            return;
        }
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
            thrown.printStackTrace();
            System.exit(1);
        });
        new Thread(BinderInternal::joinThreadPool, "Binder pool").start();
        new Thread(requests, "commands").start();
        Looper.loop();
    }

    @Override
    public Object run(String name, JSONObject request) throws Throwable {
        switch (name) {
            case "events":
                return Events.taken();
            case "mark":
                System.err.println(request.getString("text"));
                return null;
            case "setUid":
                int error = android.os.Process.setUid(request.getInt("uid"));
                if (error != 0) {
                    throw new IllegalStateException("setuid failed with errno " + error);
                }
                return null;
            default:
                return ANOTHER;
        }
    }
}
