package harness.agent;

import java.util.Arrays;
import java.util.LinkedList;
import java.util.List;
import org.json.JSONArray;

/** What was written to the event log: `android.util.EventLog.writeEvent` ends here. */
public class Events {
    private static final int MOST = 1024;
    private static final List<JSONArray> kept = new LinkedList<>();

    /** Called by the native method (event_log.cpp). */
    public static synchronized void add(int tag, Object value) {
        List<?> values = value instanceof Object[] ? Arrays.asList((Object[]) value) : Arrays.asList(value);
        kept.add(new JSONArray().put(tag).put(new JSONArray(values)));
        if (kept.size() > MOST) {
            kept.remove(0);
        }
    }

    /** The events since the last call, the newest 1,024 of them: each its tag and a list of its values. */
    static synchronized JSONArray taken() {
        JSONArray taken = new JSONArray(kept);
        kept.clear();
        return taken;
    }
}
